// Text from files in a form safe for messages and terminals: no character acts on the terminal, and a long text does
// not crowd out the rest of a message.
#pragma once

#include <string>
#include <string_view>

namespace weft {

// One line: control characters, bytes that are not UTF-8 and characters that reorder text become escapes such as
// \n, \x1b and \u202e. The result is UTF-8, and a fixed point of `visible`.
std::string visible(std::string_view text);
// As `visible`, but keeps line breaks and tabs.
std::string visible_lines(std::string_view text);

// At most `most` characters of UTF-8: "…" replaces the middle of a longer text.
std::string shortened(std::string_view text, std::size_t most);

// Visible and at most 80 characters: for quoting a file's content in a message.
std::string brief(std::string_view text);

// Safe inside a comment of generated C, C++ or CUDA: it neither ends the comment nor continues on the next line.
std::string comment_text(std::string_view text);

// A whole message: visible and at most 800 characters. Keeps its beginning (the file) and its end (the advice), and its
// own line breaks, which are those before two blanks.
std::string visible_message(std::string_view text);

}  // namespace weft
