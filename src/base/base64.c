#include "base/base64.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct bytes data, char *out)
{
	for (size_t i = 0; i < data.len; i += 3) {
		size_t count = data.len - i < 3 ? data.len - i : 3;
		uint32_t bits = (uint32_t)data.data[i] << 16;

		if (count > 1)
			bits |= (uint32_t)data.data[i + 1] << 8;
		if (count > 2)
			bits |= data.data[i + 2];
		for (size_t j = 0; j < 4; j++)
			*out++ =
				(char)(j > count
					       ? '='
					       : alphabet[bits >> (18 - 6 * j) &
							  63]);
	}
}
