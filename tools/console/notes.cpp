#include "tools/console/notes.h"

#include <fmt/format.h>

#include <cstdio>

#include "tools/console/console.h"

namespace weft::tools {

void print_notes(const std::vector<passes::Note>& notes) {
  for (const passes::Note& note : notes) {
    const std::string place = to_string(note.location);
    put(stderr, "{}: {}{}{}\n", note.pass, place, place.empty() ? "" : ": ", note.text);
  }
}

}  // namespace weft::tools
