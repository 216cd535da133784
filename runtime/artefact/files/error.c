/* Error messages, and what is UTF-8. Weft compiles this file, the JSON reader and both halves of safetensors files too
 * (runtime/safetensors.cpp), so they are also valid C++. */
#include "runtime/artefact/model.h"

static void weft_clear(weft_error* error) { error->text[0] = '\0'; }

/* The number of bytes of the character at `text`, which ends in a 0; 0 if it is not UTF-8: overlong forms, surrogates
 * and codes beyond U+10FFFF are invalid. */
static size_t weft_utf8(const unsigned char* text, uint32_t* code) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const size_t bytes = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0x80 ? 2 : 1;
  *code = bytes == 1 ? text[0] : text[0] & (0xffu >> (bytes + 1));
  if (bytes > 1 && (text[0] < 0xc0 || text[0] > 0xf7)) return 0;
  for (size_t i = 1; i < bytes; ++i) {
    if ((text[i] & 0xc0) != 0x80) return 0;
    *code = *code << 6 | (text[i] & 0x3f);
  }
  return *code < least[bytes] || (*code >= 0xd800 && *code <= 0xdfff) || *code > 0x10ffff ? 0 : bytes;
}

/* Whether the character acts on a terminal: controls, line separators, marks and overrides of direction
 * (ir/visible.h). */
static int weft_acts(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e || code == 0x200f ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* Appends to the message and drops what does not fit. Names come from files: bytes that act on a terminal become '?'.
 */
static void weft_add_values(weft_error* error, const char* format, va_list values) {
  const size_t used = strlen(error->text);
  vsnprintf(error->text + used, sizeof error->text - used, format, values);
  for (unsigned char* at = (unsigned char*)error->text + used; *at;) {
    uint32_t code = 0;
    const size_t bytes = weft_utf8(at, &code);
    if (bytes == 0 || weft_acts(code)) memset(at, '?', bytes ? bytes : 1);
    at += bytes ? bytes : 1;
  }
}

WEFT_PRINTF(2, 3) static void weft_add(weft_error* error, const char* format, ...) {
  va_list values;
  va_start(values, format);
  weft_add_values(error, format, values);
  va_end(values);
}

WEFT_PRINTF(3, 4) static int weft_fail(weft_error* error, int code, const char* format, ...) {
  va_list values;
  weft_clear(error);
  va_start(values, format);
  weft_add_values(error, format, values);
  va_end(values);
  return code;
}

static int weft_no_memory(weft_error* error, size_t bytes, const char* what) {
  return weft_fail(error, WEFT_NO_MEMORY, "no memory for %zu bytes of %s; free some memory", bytes, what);
}
