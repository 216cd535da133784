// Text from files as messages and terminals may show it: none of its characters acts on the terminal, and a long text
// does not push the rest of a message out of sight.
#pragma once

#include <string>
#include <string_view>

namespace weft {

// One line: control characters, bytes that are not UTF-8 and characters that reorder text become escapes such as \n,
// \x1b and \u202e. The result is UTF-8, and `visible` leaves it as it is.
std::string visible(std::string_view text);
// As `visible`, but line breaks and tabs stay.
std::string visible_lines(std::string_view text);

// At most `most` characters of UTF-8: where there are more, "…" takes the place of the middle.
std::string shortened(std::string_view text, std::size_t most);

// Visible and at most 80 characters: how a message names what a file says.
std::string brief(std::string_view text);

// As a comment of generated C, C++ or CUDA holds it: it neither ends the comment nor goes on to the next line.
std::string comment_text(std::string_view text);

// A whole message: visible and at most 800 characters, so that its begin (the file) and its end (the advice) stay. Its
// own line breaks, those before two blanks, stay too.
std::string visible_message(std::string_view text);

}  // namespace weft
