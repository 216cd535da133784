// Walks over the tokens of the text form and reads its small parts: names, numbers, dims, types. Every mistake is an
// Error "file:line:column: what, and what was found instead".
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/error.h"
#include "ir/text/lexer.h"
#include "ir/type.h"

namespace weft::ir {

class Cursor {
 public:
  Cursor(std::string_view text, std::string file) : file_(std::move(file)), tokens_(tokenize(text, file_)) {}

  const Token& peek(std::size_t ahead = 0) const { return tokens_[std::min(next_ + ahead, tokens_.size() - 1)]; }
  const Token& take();
  bool at_end() const { return peek().kind == Token::Kind::end; }
  bool at_word(std::string_view word) const { return peek().kind == Token::Kind::word && peek().text == word; }
  bool at(std::string_view punctuation) const {
    return peek().kind == Token::Kind::punctuation && peek().text == punctuation;
  }
  bool accept(std::string_view punctuation);  // consumes it if it comes next
  bool accept_word(std::string_view word);

  // `context` ends the message: "expected ')' after the inputs, found 'x'".
  void expect(std::string_view punctuation, std::string_view context);
  std::string expect_name(std::string_view what);  // a word or a quoted text
  std::string expect_word(std::string_view what);
  const Token& expect_value(std::string_view what);
  std::int64_t expect_integer(std::string_view what);
  double expect_number(std::string_view what);
  Dim expect_dim(bool zero_allowed);
  Dims expect_dims(bool zero_allowed);  // "[B,784]"
  DType expect_dtype(std::string_view what);
  Type expect_type();

  // Reads items up to `close`, separated by commas; allows a trailing comma. The opening bracket must be consumed
  // already.
  template <typename Item>
  void list(std::string_view close, std::string_view context, Item item) {
    while (!accept(close)) {
      item();
      if (!accept(",")) {
        expect(close, context);
        return;
      }
    }
  }

  template <typename... Args>
  [[noreturn]] void fail_at(Position at, fmt::format_string<Args...> format, Args&&... args) const {
    fail("{}: {}", place(at), fmt::format(format, std::forward<Args>(args)...));
  }
  [[noreturn]] void fail_expected(std::string_view what) const;
  std::string place(Position at) const { return fmt::format("{}:{}:{}", file_, at.line, at.column); }

 private:
  std::string file_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0;
};

}  // namespace weft::ir
