/*
 * section.c: runs a stretch of work as another role, in a security-restricted context with pinned settings.
 *
 * Two kinds of work use it: reading a model's sources (as the model's owner, in the model's time zone) and reading or
 * writing the catalog (as the extension's owner).  As with REFRESH MATERIALIZED VIEW, whoever calls, nobody's code runs
 * with the caller's rights: a superuser or a scheduled job may train any model.
 *
 * The settings that can change what an expression yields, or the text form of a value, are pinned too, so that a model
 * does not depend on the session that trains it.  All come back at reco_section_end, and in case of an error when the
 * (sub)transaction aborts: PostgreSQL restores the role there, and the settings with their nesting level.
 */
#include "postgres.h"

#include "section.h"

#include "miscadmin.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"

typedef struct PinnedSetting
{
	const char *name;
	const char *value;
} PinnedSetting;

/*
 * Text forms as pg_dump and postgres_fdw pin them, and what decides how a deparsed expression is read again; row_security
 * on means that policies apply as in any query.
 */
static const PinnedSetting pinned_settings[] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"datestyle", "ISO, YMD"},
	{"intervalstyle", "postgres"},
	{"extra_float_digits", "1"},
	{"bytea_output", "hex"},
	{"lc_numeric", "C"},
	{"lc_monetary", "C"},
	{"lc_time", "C"},
	{"row_security", "on"},
	{"default_text_search_config", "pg_catalog.simple"},
	{"standard_conforming_strings", "on"},
	{"transform_null_equals", "off"},
	{"quote_all_identifiers", "off"},
	{"array_nulls", "on"},
	{"xmloption", "content"},
	{"timezone_abbreviations", "Default"},
};

static void
pin_setting(const char *name, const char *value)
{
	/* Compared first: this runs at every request, and assigning a setting costs more than looking. */
	const char *present = GetConfigOption(name, false, false);

	if (present != NULL && strcmp(present, value) == 0)
		return;
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Whether the text form of a value, other than an amount of money, is what it is in a section.  Any extra_float_digits
 * above 0 writes the same; JDBC sets 3.
 */
static bool
text_forms_are_pinned(void)
{
	return DateStyle == USE_ISO_DATES && IntervalStyle == INTSTYLE_POSTGRES && extra_float_digits > 0 &&
		bytea_output == BYTEA_OUTPUT_HEX;
}

/*
 * Pin what the text form of a value depends on, outside of a section: as the same role, in the session's time zone.
 * Where it is so already, as nearly always, this costs nothing; else it takes microseconds, which is much for a row.
 * Ended by reco_section_end_text_forms.
 */
int
reco_section_begin_text_forms(void)
{
	static const char *const names[] = {"datestyle", "intervalstyle", "extra_float_digits", "bytea_output"};
	int			level;
	int			i;
	int			j;

	if (text_forms_are_pinned())
		return 0;
	level = NewGUCNestLevel();
	for (i = 0; i < (int) lengthof(pinned_settings); i++)
		for (j = 0; j < (int) lengthof(names); j++)
			if (strcmp(pinned_settings[i].name, names[j]) == 0)
				pin_setting(pinned_settings[i].name, pinned_settings[i].value);
	return level;
}

void
reco_section_end_text_forms(int level)
{
	if (level > 0)
		AtEOXact_GUC(false, level);
}

/*
 * Switch to a role; timezone may be NULL to leave it.  Sections nest, and must end in the reverse order.
 */
RecoSection
reco_section_begin(Oid role, const char *timezone)
{
	RecoSection section;
	int			i;

	GetUserIdAndSecContext(&section.saved_user, &section.saved_context);
	SetUserIdAndSecContext(role, section.saved_context | SECURITY_RESTRICTED_OPERATION);
	section.guc_level = NewGUCNestLevel();
	for (i = 0; i < (int) lengthof(pinned_settings); i++)
		pin_setting(pinned_settings[i].name, pinned_settings[i].value);
	if (timezone != NULL)
		pin_setting("timezone", timezone);
	return section;
}

void
reco_section_end(const RecoSection *section)
{
	AtEOXact_GUC(false, section->guc_level);
	SetUserIdAndSecContext(section->saved_user, section->saved_context);
}
