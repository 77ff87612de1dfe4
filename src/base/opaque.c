#include "base/opaque.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#define ZERO_WIDTH_NON_JOINER 0x200c
#define ZERO_WIDTH_JOINER 0x200d
#define VIRAMA 9 /* canonical combining class */

/* A string of code points being judged. */
struct text {
	uint32_t *at;
	size_t len;
};

/* What a code point may do, RFC 8264 section 8, for the FreeformClass. */
enum verdict { VALID, CONTEXTUAL, DISALLOWED };

static bool in_range(uint32_t c, uint32_t first, uint32_t last)
{
	return c >= first && c <= last;
}

static bool is_arabic_indic_digit(uint32_t c)
{
	return in_range(c, 0x660, 0x669);
}

static bool is_extended_arabic_indic_digit(uint32_t c)
{
	return in_range(c, 0x6f0, 0x6f9);
}

/* RFC 8264 9.6: judged before their properties. False if `c` is none. */
static bool is_exception(uint32_t c, enum verdict *out)
{
	switch (c) {
	case 0xdf:
	case 0x3c2:
	case 0x6fd:
	case 0x6fe:
	case 0xf0b:
	case 0x3007:
		*out = VALID;
		return true;
	case 0xb7:
	case 0x375:
	case 0x5f3:
	case 0x5f4:
	case 0x30fb:
		*out = CONTEXTUAL;
		return true;
	case 0x640:
	case 0x7fa:
	case 0x302e:
	case 0x302f:
	case 0x303b:
		*out = DISALLOWED;
		return true;
	default:
		break;
	}
	if (is_arabic_indic_digit(c) || is_extended_arabic_indic_digit(c)) {
		*out = CONTEXTUAL;
		return true;
	}
	if (in_range(c, 0x3031, 0x3035)) {
		*out = DISALLOWED;
		return true;
	}
	return false;
}

/* RFC 8264 9.9: Hangul_Syllable_Type L, V or T. */
static bool is_old_hangul_jamo(uint32_t c)
{
	return in_range(c, 0x1100, 0x11ff) || in_range(c, 0xa960, 0xa97c) ||
	       in_range(c, 0xd7b0, 0xd7c6) || in_range(c, 0xd7cb, 0xd7fb);
}

/*
 * RFC 8264 9.1 and 9.13 to 9.16: LetterDigits, OtherLetterDigits, Spaces,
 * Symbols and Punctuation. What is left are controls, format characters,
 * surrogates, private use, line separators and the unassigned. HasCompat
 * (9.17) adds nothing here: no compatibility character is among those left.
 */
static bool is_visible_or_space(uint32_t c)
{
	return uc_is_general_category_withtable(
		c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M |
			   UC_CATEGORY_MASK_N | UC_CATEGORY_MASK_Zs |
			   UC_CATEGORY_MASK_S | UC_CATEGORY_MASK_P);
}

/*
 * RFC 8264 section 8, but for the rules that change nothing in this class:
 * ASCII7 is visible, controls and the unassigned are not.
 */
static enum verdict judge(uint32_t c)
{
	enum verdict verdict;

	if (is_exception(c, &verdict))
		return verdict;
	if (c == ZERO_WIDTH_NON_JOINER || c == ZERO_WIDTH_JOINER)
		return CONTEXTUAL;
	if (is_old_hangul_jamo(c) ||
	    uc_is_property_default_ignorable_code_point(c))
		return DISALLOWED;
	return is_visible_or_space(c) ? VALID : DISALLOWED;
}

static bool has_script(uint32_t c, const char *name)
{
	const uc_script_t *script = uc_script(c);

	return script && !strcmp(script->name, name);
}

static bool follows_virama(const struct text *t, size_t i)
{
	return i > 0 && uc_combining_class(t->at[i - 1]) == VIRAMA;
}

/*
 * RFC 5892 A.1: between a letter that joins to its left (or both sides) and
 * one that joins to its right, with transparent ones anywhere between.
 */
static bool breaks_a_joint(const struct text *t, size_t i)
{
	size_t before = i;
	size_t after = i + 1;
	int type;

	while (before > 0 &&
	       uc_joining_type(t->at[before - 1]) == UC_JOINING_TYPE_T)
		before--;
	while (after < t->len &&
	       uc_joining_type(t->at[after]) == UC_JOINING_TYPE_T)
		after++;
	if (before == 0 || after == t->len)
		return false;

	type = uc_joining_type(t->at[before - 1]);
	if (type != UC_JOINING_TYPE_L && type != UC_JOINING_TYPE_D)
		return false;
	type = uc_joining_type(t->at[after]);
	return type == UC_JOINING_TYPE_R || type == UC_JOINING_TYPE_D;
}

static bool has_any(const struct text *t, bool (*is_one)(uint32_t c))
{
	for (size_t i = 0; i < t->len; i++) {
		if (is_one(t->at[i]))
			return true;
	}
	return false;
}

static bool is_japanese(uint32_t c)
{
	return has_script(c, "Hiragana") || has_script(c, "Katakana") ||
	       has_script(c, "Han");
}

/* RFC 5892 appendix A: whether the context of character `i` allows it. */
static bool context_allows(const struct text *t, size_t i)
{
	uint32_t c = t->at[i];
	uint32_t before = i > 0 ? t->at[i - 1] : 0;
	uint32_t after = i + 1 < t->len ? t->at[i + 1] : 0;

	switch (c) {
	case ZERO_WIDTH_NON_JOINER: /* A.1 */
		return follows_virama(t, i) || breaks_a_joint(t, i);
	case ZERO_WIDTH_JOINER: /* A.2 */
		return follows_virama(t, i);
	case 0xb7: /* A.3, middle dot */
		return before == 'l' && after == 'l';
	case 0x375: /* A.4, Greek keraia */
		return has_script(after, "Greek");
	case 0x5f3: /* A.5, Hebrew geresh */
	case 0x5f4: /* A.6, Hebrew gershayim */
		return has_script(before, "Hebrew");
	case 0x30fb: /* A.7, katakana middle dot */
		return has_any(t, is_japanese);
	default:
		break;
	}
	if (is_arabic_indic_digit(c)) /* A.8 */
		return !has_any(t, is_extended_arabic_indic_digit);
	return !has_any(t, is_arabic_indic_digit); /* A.9 */
}

static bool is_freeform(const struct text *t)
{
	for (size_t i = 0; i < t->len; i++) {
		enum verdict verdict = judge(t->at[i]);

		if (verdict == DISALLOWED)
			return false;
		if (verdict == CONTEXTUAL && !context_allows(t, i))
			return false;
	}
	return true;
}

static void map_spaces(struct text *t)
{
	for (size_t i = 0; i < t->len; i++) {
		if (uc_is_general_category_withtable(t->at[i],
						     UC_CATEGORY_MASK_Zs))
			t->at[i] = ' ';
	}
}

/* The text may be a password. */
static void wipe_and_free(void *data, size_t bytes)
{
	explicit_bzero(data, bytes);
	free(data);
}

static int write_utf8(const struct text *t, char *out, size_t size)
{
	size_t len;
	uint8_t *utf8 = u32_to_u8(t->at, t->len, NULL, &len);
	int err = 0;

	if (!utf8)
		return -ENOMEM;
	if (len < size) {
		memcpy(out, utf8, len);
		out[len] = '\0';
	} else {
		err = -ENOSPC;
	}
	wipe_and_free(utf8, len);
	return err;
}

/* RFC 8265 4.2.2 on a text that has passed 4.2.1. */
static int enforce(struct text *t, char *out, size_t size)
{
	struct text normal;
	int err;

	map_spaces(t);
	normal.at =
		u32_normalize(UNINORM_NFC, t->at, t->len, NULL, &normal.len);
	if (!normal.at)
		return -ENOMEM;
	/* RFC 8264 section 7 judges the result: U+0387 becomes U+00B7. */
	if (is_freeform(&normal))
		err = write_utf8(&normal, out, size);
	else
		err = -EINVAL;
	wipe_and_free(normal.at, normal.len * sizeof(*normal.at));
	return err;
}

int opaque_string(const char *in, char *out, size_t size)
{
	const uint8_t *utf8 = (const uint8_t *)in;
	size_t len = strlen(in);
	struct text t;
	int err;

	if (len == 0 || u8_check(utf8, len))
		return -EINVAL;
	t.at = u8_to_u32(utf8, len, NULL, &t.len);
	if (!t.at)
		return -ENOMEM;
	err = is_freeform(&t) ? enforce(&t, out, size) : -EINVAL;
	wipe_and_free(t.at, t.len * sizeof(*t.at));
	return err;
}
