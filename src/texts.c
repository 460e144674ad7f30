/*
 * texts.c: reads texts as the features of their words (wording.c), in training and in requests alike.
 */
#include "postgres.h"

#include "texts.h"

/* In the current memory context. */
RecoTexts *
reco_texts_create(void)
{
	RecoTexts  *texts = palloc0(sizeof(RecoTexts));

	texts->words = reco_words_create();
	texts->simple = reco_words_configuration(NULL);
	return texts;
}

void
reco_texts_free(RecoTexts *texts)
{
	reco_words_free(texts->words);
	pfree(texts);
}

/* The configuration of a name: most rows have that of the row before.  Errors: undefined_object. */
static Oid
named_configuration(RecoTexts *texts, const char *name, int length)
{
	length = Min(length, (int) sizeof(texts->name) - 1);
	if (length > 0 && strlen(texts->name) == (size_t) length && memcmp(texts->name, name, length) == 0)
		return texts->named;
	memcpy(texts->name, name, length);
	texts->name[length] = '\0';
	texts->named = InvalidOid;
	return texts->named = reco_words_configuration(texts->name);
}

static bool
add_word(void *arg, const char *word, int length)
{
	RecoWordingText *text = arg;

	reco_wording_add(text, word, length);
	return text->words < RECO_WORDING_MAX_WORDS;
}

/*
 * Read a text; false where it has no words.  The first words of a long one are enough.
 */
bool
reco_texts_read(RecoTexts *texts, Oid configuration, const char *bytes, int length)
{
	reco_wording_clear(&texts->text);
	reco_words_split(texts->words, configuration, bytes, length, add_word, &texts->text);
	reco_wording_end(&texts->text);
	return texts->text.n > 0;
}

/*
 * The same of a row's values, where configuration is the name of one of text search, or NULL: simple.
 */
bool
reco_texts_read_row(RecoTexts *texts, const RecoValue *body, const RecoValue *configuration)
{
	if (body->is_null)
		return false;
	texts->configuration = configuration->is_null ? texts->simple
		: named_configuration(texts, configuration->bytes, configuration->length);
	return reco_texts_read(texts, texts->configuration, body->bytes, body->length);
}
