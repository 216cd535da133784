/* An in-place JSON reader: the caller asks for values in turn, and strings are decoded in place. */
#include "runtime/artefact/model.h"

typedef struct {
  char* at;
  char* end;         /* holds a 0 */
  const char* wrong; /* the first error, or null; nothing is read after it */
} weft_json;

static int weft_json_fail(weft_json* json, const char* what) {
  if (!json->wrong) json->wrong = what;
  return 0;
}

/* The next character that is not a space; 0 at the end, and after an error. */
static char weft_json_peek(weft_json* json) {
  if (json->wrong) return '\0';
  while (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r') ++json->at;
  return *json->at;
}

static int weft_json_take(weft_json* json, char character) {
  if (weft_json_peek(json) != character || json->wrong || json->at == json->end) return 0;
  ++json->at;
  return 1;
}

static int weft_json_need(weft_json* json, char character, const char* what) {
  return weft_json_take(json, character) || weft_json_fail(json, what);
}

/* Whether another element comes before `close`, which is consumed if none does. `count` starts as 0. */
static int weft_json_more(weft_json* json, char close, size_t* count) {
  if (json->wrong || weft_json_take(json, close)) return 0;
  return (*count)++ == 0 || weft_json_need(json, ',', "a ',' or a closing bracket is missing");
}

static int weft_json_hex(weft_json* json, uint32_t* number) {
  *number = 0;
  for (int i = 0; i < 4; ++i, ++json->at) {
    const char c = *json->at;
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return weft_json_fail(json, "\\u is not followed by four hexadecimal digits");
    *number = *number * 16 + (uint32_t)digit;
  }
  return 1;
}

/* Decodes what follows \u as UTF-8, which is never longer than its escape. */
static char* weft_json_unicode(weft_json* json, char* out) {
  uint32_t code = 0, low = 0;
  if (!weft_json_hex(json, &code)) return out;
  if (code >= 0xD800 && code < 0xDC00) {
    if (json->at[0] != '\\' || json->at[1] != 'u') return weft_json_fail(json, "half a surrogate pair"), out;
    json->at += 2;
    if (!weft_json_hex(json, &low)) return out;
    if (low < 0xDC00 || low > 0xDFFF) return weft_json_fail(json, "half a surrogate pair"), out;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  } else if (code >= 0xDC00 && code <= 0xDFFF) {
    return weft_json_fail(json, "half a surrogate pair"), out;
  }
  if (code == 0) return weft_json_fail(json, "a text holds the character 0"), out;
  if (code < 0x80) {
    *out++ = (char)code;
  } else if (code < 0x800) {
    *out++ = (char)(0xC0 | code >> 6);
    *out++ = (char)(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *out++ = (char)(0xE0 | code >> 12);
    *out++ = (char)(0x80 | (code >> 6 & 0x3F));
    *out++ = (char)(0x80 | (code & 0x3F));
  } else {
    *out++ = (char)(0xF0 | code >> 18);
    *out++ = (char)(0x80 | (code >> 12 & 0x3F));
    *out++ = (char)(0x80 | (code >> 6 & 0x3F));
    *out++ = (char)(0x80 | (code & 0x3F));
  }
  return out;
}

/* A string, which ends in a 0; null, and the error `missing`, if there is none. */
static char* weft_json_string(weft_json* json, const char* missing) {
  if (!weft_json_need(json, '"', missing)) return NULL;
  char* const begin = json->at;
  char* out = begin;
  while (!json->wrong && *json->at != '"') {
    const char c = *json->at++;
    if ((unsigned char)c < 0x20) {
      weft_json_fail(json, "a text has no end, or holds a control character");
    } else if ((unsigned char)c >= 0x80) {
      uint32_t code = 0;
      const size_t bytes = weft_utf8((const unsigned char*)json->at - 1, &code);
      if (bytes == 0) weft_json_fail(json, "a text is not UTF-8");
      *out++ = c;
      for (size_t i = 1; i < bytes; ++i) *out++ = *json->at++;
    } else if (c != '\\') {
      *out++ = c;
    } else {
      static const char escapes[] = "\"\\/bfnrt", meaning[] = "\"\\/\b\f\n\r\t";
      const char escape = *json->at;
      const char* found = escape ? strchr(escapes, escape) : NULL;
      if (found) {
        *out++ = meaning[found - escapes];
        ++json->at;
      } else if (escape == 'u') {
        ++json->at;
        out = weft_json_unicode(json, out);
      } else {
        weft_json_fail(json, "an unknown escape in a text");
      }
    }
  }
  if (json->wrong) return NULL;
  ++json->at;
  *out = '\0';
  return begin;
}

/* The name of an object's next value; null at its end. */
static char* weft_json_key(weft_json* json, size_t* count) {
  if (!weft_json_more(json, '}', count)) return NULL;
  char* key = weft_json_string(json, "a name is missing");
  return key && weft_json_need(json, ':', "a ':' is missing") ? key : NULL;
}

static int weft_json_is_digit(char c) { return c >= '0' && c <= '9'; }

/* An integer of at most 2^62. */
static int weft_json_count(weft_json* json, uint64_t* number) {
  const uint64_t most = UINT64_C(1) << 62;
  if (!weft_json_is_digit(weft_json_peek(json))) return weft_json_fail(json, "a count is missing");
  if (json->at[0] == '0' && weft_json_is_digit(json->at[1])) return weft_json_fail(json, "a number begins with 0");
  for (*number = 0; weft_json_is_digit(*json->at); ++json->at) {
    *number = *number * 10 + (uint64_t)(*json->at - '0');
    if (*number > most) return weft_json_fail(json, "a count is beyond 2^62");
  }
  if (*json->at == '.' || *json->at == 'e' || *json->at == 'E') return weft_json_fail(json, "a count is not whole");
  return 1;
}

static void weft_json_digits(weft_json* json) {
  if (!weft_json_is_digit(*json->at)) weft_json_fail(json, "a value is not JSON");
  while (weft_json_is_digit(*json->at)) ++json->at;
}

static void weft_json_skip_number(weft_json* json) {
  if (*json->at == '-') ++json->at;
  if (*json->at == '0') {
    ++json->at;
  } else {
    weft_json_digits(json);
  }
  if (*json->at == '.') ++json->at, weft_json_digits(json);
  if (*json->at != 'e' && *json->at != 'E') return;
  ++json->at;
  if (*json->at == '+' || *json->at == '-') ++json->at;
  weft_json_digits(json);
}

/* Any value. */
static void weft_json_skip(weft_json* json, int depth) {
  static const char* const words[] = {"true", "false", "null"};
  const char first = weft_json_peek(json);
  size_t count = 0;
  if (depth > 64) {
    weft_json_fail(json, "it is nested too deeply");
  } else if (first == '"') {
    weft_json_string(json, "a text is missing");
  } else if (weft_json_take(json, '{')) {
    while (weft_json_key(json, &count)) weft_json_skip(json, depth + 1);
  } else if (weft_json_take(json, '[')) {
    while (weft_json_more(json, ']', &count)) weft_json_skip(json, depth + 1);
  } else {
    for (int i = 0; i < 3; ++i)
      if (strncmp(json->at, words[i], strlen(words[i])) == 0) {
        json->at += strlen(words[i]);
        return;
      }
    if (!json->wrong) weft_json_skip_number(json);
  }
}

/* Call after the whole value: nothing may follow it. */
static int weft_json_end(weft_json* json) {
  if (weft_json_peek(json) != '\0' || json->at != json->end) weft_json_fail(json, "something follows its end");
  return !json->wrong;
}
