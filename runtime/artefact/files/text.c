/* Texts and lists that grow. */
#include "runtime/artefact/model.h"

typedef struct {
  char* data; /* null before the first addition, and after memory ran out */
  size_t size, room;
  int failed; /* out of memory; later additions are lost */
} weft_text;

WEFT_PRINTF(2, 3) static void weft_append(weft_text* text, const char* format, ...) {
  for (int attempt = 0; attempt < 2 && !text->failed; ++attempt) {
    va_list values;
    va_start(values, format);
    const int needed = vsnprintf(text->data ? text->data + text->size : NULL, text->room - text->size, format, values);
    va_end(values);
    if (needed < 0) text->failed = 1;
    if (needed >= 0 && (size_t)needed < text->room - text->size) {
      text->size += (size_t)needed;
      return;
    }
    const size_t room = 2 * text->room + (size_t)needed + 1;
    char* data = (char*)realloc(text->data, room);
    if (!data) text->failed = 1;
    if (data) text->data = data, text->room = room;
  }
}

/* Appends a JSON string with the escapes that JSON requires. */
static void weft_append_quoted(weft_text* text, const char* value) {
  static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
  weft_append(text, "\"");
  for (; *value; ++value) {
    const char* found = strchr(escaped, *value);
    if (found) {
      weft_append(text, "\\%c", letters[found - escaped]);
    } else if ((unsigned char)*value < 0x20) {
      weft_append(text, "\\u%04x", (unsigned)*value);
    } else {
      weft_append(text, "%c", *value);
    }
  }
  weft_append(text, "\"");
}

typedef struct {
  void* items;
  size_t count, room;
} weft_list;

/* A new item of zeros at the end of the list; null if memory ran out. */
static void* weft_append_item(weft_list* list, size_t bytes) {
  if (list->count == list->room) {
    const size_t room = list->room ? 2 * list->room : 64;
    void* grown = realloc(list->items, room * bytes);
    if (!grown) return NULL;
    list->items = grown;
    list->room = room;
  }
  return memset((char*)list->items + list->count++ * bytes, 0, bytes);
}
