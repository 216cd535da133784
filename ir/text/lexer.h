// The tokens of the text form and the spelling of names, texts and numbers: print.cpp writes them, parse.cpp reads
// them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::ir {

struct Position {
  int line = 1;
  int column = 1;
};

struct Token {
  enum class Kind : std::uint8_t {
    word,         // letters, digits and _ . / - after a letter or _
    number,       // 12, -0.5, 1e-08, -inf (inf and nan without a sign are words)
    text,         // "quoted"; `text` holds it without quotes and escapes
    value,        // %h, %h#2, %"odd name", %12: `text` is the name (empty for %12), `ordinal` the number (1 if absent)
    punctuation,  // one character, or ->
    end
  };
  Kind kind = Kind::end;
  std::string text;
  std::uint32_t ordinal = 0;  // of a value
  Position at;
};

// `file` is the name in error messages. The last token is of kind end.
std::vector<Token> tokenize(std::string_view text, const std::string& file);

// "a word", "\"graph\"", "%h#2": the name of a token in error messages.
std::string describe(const Token& token);

bool is_word(std::string_view name);
std::string spell_name(std::string_view name);                          // quoted unless it is a word
std::string spell_text(std::string_view text);                          // quoted, and visible (ir/visible.h)
std::string spell_number(double value);                                 // the shortest text that reads back as `value`
std::string spell_value(std::string_view name, std::uint32_t ordinal);  // "%h", "%h#2"; "%2" if name is empty

}  // namespace weft::ir
