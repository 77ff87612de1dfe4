#include "turnpikectl/say.h"

#include <stdarg.h>
#include <stdlib.h>

#include "turnpikectl/term.h"

static FILE *elsewhere;

void say_to(FILE *to)
{
	elsewhere = to;
}

enum status say(enum status status, const char *format, ...)
{
	FILE *to = elsewhere ? elsewhere : stderr;
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	fputs("turnpikectl: ", to);
	term_print(text ? text : "no memory", to);
	fputc('\n', to);
	free(text);
	return status;
}

enum status say_no_memory(void)
{
	return say(STATUS_SYSTEM, "no memory");
}
