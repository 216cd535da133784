// Splits the text form into tokens and spells names, texts and numbers.
#include "ir/text/lexer.h"

#include <cctype>
#include <charconv>

#include "ir/error.h"
#include "ir/visible.h"

namespace weft::ir {

namespace {

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  Lexer(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    for (skip_blank(); next_ < text_.size(); skip_blank()) tokens.push_back(token());
    tokens.push_back({Token::Kind::end, "", 0, at_});
    return tokens;
  }

 private:
  template <typename... Args>
  [[noreturn]] void fail_at(Position at, fmt::format_string<Args...> format, Args&&... args) const {
    fail("{}:{}:{}: {}", file_, at.line, at.column, fmt::format(format, std::forward<Args>(args)...));
  }

  char peek(std::size_t ahead = 0) const { return next_ + ahead < text_.size() ? text_[next_ + ahead] : '\0'; }
  bool at_comment() const { return peek() == '/' && peek(1) == '/'; }

  char take() {
    const char c = text_[next_++];
    if (c == '\n')
      at_ = {at_.line + 1, 1};
    else
      ++at_.column;
    return c;
  }

  void skip_blank() {
    while (next_ < text_.size()) {
      if (at_comment())
        while (next_ < text_.size() && peek() != '\n') take();
      else if (std::isspace(static_cast<unsigned char>(peek())) != 0)
        take();
      else
        return;
    }
  }

  Token token() {
    const Position start = at_;
    const char c = peek();
    if (is_letter(c)) return {Token::Kind::word, word(), 0, start};
    if (is_digit(c) || (c == '-' && (is_digit(peek(1)) || peek(1) == 'i' || peek(1) == 'n')))
      return {Token::Kind::number, number(), 0, start};
    if (c == '"') return {Token::Kind::text, quoted(), 0, start};
    if (c == '%') return value();
    if (c == '-' && peek(1) == '>') {
      take();
      take();
      return {Token::Kind::punctuation, "->", 0, start};
    }
    if (std::string_view("()[]{},:;=@*+<#").find(c) != std::string_view::npos)
      return {Token::Kind::punctuation, std::string(1, take()), 0, start};
    if (std::isprint(static_cast<unsigned char>(c)) != 0) fail_at(start, "unexpected character '{}'", c);
    fail_at(start, "unexpected byte 0x{:02x}; outside of quotes the text is plain ASCII",
            static_cast<unsigned char>(c));
  }

  std::string word() {
    std::string result;
    while (is_letter(peek()) || is_digit(peek()) || peek() == '.' || (peek() == '/' && peek(1) != '/') ||
           (peek() == '-' && peek(1) != '>'))
      result += take();
    return result;
  }

  std::string number() {
    std::string result(1, take());
    while (is_letter(peek()) || is_digit(peek()) || peek() == '.' ||
           (peek() == '+' || peek() == '-' ? result.back() == 'e' || result.back() == 'E' : false))
      result += take();
    return result;
  }

  std::string quoted() {
    const Position start = at_;
    take();
    std::string result;
    while (peek() != '"') {
      if (next_ >= text_.size() || peek() == '\n') fail_at(start, "the text that begins here has no closing quote");
      const char c = take();
      result += c == '\\' ? escape() : c;
    }
    take();
    return result;
  }

  char escape() {
    const Position start = at_;
    const char c = next_ < text_.size() ? take() : '\0';
    if (c == 'n') return '\n';
    if (c == '"' || c == '\\') return c;
    if (c == 'x') return byte(start);
    fail_at(start, "unknown escape in a text; the known ones are \\\" \\\\ \\n \\x1b");
  }

  char byte(Position start) {
    int value = 0;
    for (int i = 0; i < 2; ++i) {
      const auto digit = std::string_view("0123456789abcdef").find(peek());
      if (digit == std::string_view::npos) fail_at(start, "\\x takes two hexadecimal digits");
      value = 16 * value + static_cast<int>(digit);
      take();
    }
    return static_cast<char>(value);
  }

  Token value() {
    const Position start = at_;
    take();
    if (is_digit(peek())) return {Token::Kind::value, "", ordinal(start), start};
    Token token{Token::Kind::value, "", 1, start};
    if (is_letter(peek()))
      token.text = word();
    else if (peek() == '"')
      token.text = quoted();
    if (token.text.empty()) fail_at(start, "a value is % and a name or number");
    if (peek() == '#') {
      take();
      token.ordinal = ordinal(start);
    }
    return token;
  }

  std::uint32_t ordinal(Position start) {
    std::string digits;
    while (is_digit(peek())) digits += take();
    std::uint32_t result = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result);
    if (digits.empty() || error != std::errc()) fail_at(start, "a value's number is too large or missing");
    return result;
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t next_ = 0;
  Position at_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view text, const std::string& file) { return Lexer(text, file).run(); }

std::string describe(const Token& token) {
  switch (token.kind) {
    case Token::Kind::word:
    case Token::Kind::number:
    case Token::Kind::punctuation:
      return fmt::format("'{}'", brief(token.text));
    case Token::Kind::text:
      return brief(spell_text(token.text));
    case Token::Kind::value:
      return brief(spell_value(token.text, token.ordinal));
    case Token::Kind::end:
      return "the end of the text";
  }
  return "";
}

bool is_word(std::string_view name) {
  if (name.empty() || !is_letter(name[0])) return false;
  for (std::size_t i = 1; i < name.size(); ++i) {
    const char c = name[i];
    const char next = i + 1 < name.size() ? name[i + 1] : '/';  // a last / or - could merge with what follows
    const bool joins = (c == '/' && next != '/') || (c == '-' && next != '>' && i + 1 < name.size());
    if (!is_letter(c) && !is_digit(c) && c != '.' && !joins) return false;
  }
  return true;
}

std::string spell_name(std::string_view name) { return is_word(name) ? std::string(name) : spell_text(name); }

std::string spell_text(std::string_view text) {
  const bool is_plain = visible(text) == text;  // otherwise non-ASCII bytes are spelled as escapes too
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      result += {'\\', c};
    else if (c == '\n')
      result += "\\n";
    else if (!is_plain && (byte < 0x20 || byte >= 0x7f))
      result += fmt::format("\\x{:02x}", byte);
    else
      result += c;
  }
  return result + "\"";
}

std::string spell_number(double value) { return fmt::format("{}", value); }

std::string spell_value(std::string_view name, std::uint32_t ordinal) {
  if (name.empty()) return fmt::format("%{}", ordinal);
  return fmt::format(fmt::runtime(ordinal == 1 ? "%{}" : "%{}#{}"), spell_name(name), ordinal);
}

}  // namespace weft::ir
