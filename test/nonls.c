/*
 * nonls.c: a message catalogue that does nothing, to be loaded before a server that runs under a sanitizer.
 *
 * The runtime of the sanitizers intercepts functions of the C library and translates messages itself; a server that sets
 * up its catalogues then waits for itself for ever.  Messages stay untranslated, as they are in tests anyway.
 */
char	   *bindtextdomain(const char *domain, const char *directory);
char	   *bind_textdomain_codeset(const char *domain, const char *codeset);
char	   *textdomain(const char *domain);

char *
bindtextdomain(const char *domain, const char *directory)
{
	(void) domain;
	return (char *) directory;
}

char *
bind_textdomain_codeset(const char *domain, const char *codeset)
{
	(void) domain;
	return (char *) codeset;
}

char *
textdomain(const char *domain)
{
	return (char *) domain;
}
