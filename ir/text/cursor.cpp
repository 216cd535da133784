// Reads names, numbers, dims and types from tokens.
#include "ir/text/cursor.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

#include "ir/text/suggest.h"
#include "ir/visible.h"

namespace weft::ir {

namespace {

constexpr std::int64_t kLargestDim = std::int64_t(1) << 48;

bool is_symbol(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; });
}

}  // namespace

const Token& Cursor::take() {
  const Token& token = tokens_[next_];
  if (token.kind != Token::Kind::end) ++next_;
  return token;
}

bool Cursor::accept(std::string_view punctuation) {
  if (!at(punctuation)) return false;
  take();
  return true;
}

bool Cursor::accept_word(std::string_view word) {
  if (!at_word(word)) return false;
  take();
  return true;
}

void Cursor::fail_expected(std::string_view what) const {
  fail_at(peek().at, "expected {}, found {}", what, describe(peek()));
}

void Cursor::expect(std::string_view punctuation, std::string_view context) {
  if (!accept(punctuation)) fail_expected(fmt::format("'{}' {}", punctuation, context));
}

std::string Cursor::expect_name(std::string_view what) {
  if (peek().kind != Token::Kind::word && peek().kind != Token::Kind::text) fail_expected(what);
  return take().text;
}

std::string Cursor::expect_word(std::string_view what) {
  if (peek().kind != Token::Kind::word) fail_expected(what);
  return take().text;
}

const Token& Cursor::expect_value(std::string_view what) {
  if (peek().kind != Token::Kind::value) fail_expected(what);
  return take();
}

std::int64_t Cursor::expect_integer(std::string_view what) {
  if (peek().kind != Token::Kind::number) fail_expected(what);
  const std::string& text = peek().text;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range)
    fail_at(peek().at, "{} is beyond 64 bits; expected {}", brief(text), what);
  if (error != std::errc() || end != text.data() + text.size()) fail_expected(what);
  take();
  return value;
}

double Cursor::expect_number(std::string_view what) {
  if (accept_word("inf")) return std::numeric_limits<double>::infinity();
  if (accept_word("nan")) return std::numeric_limits<double>::quiet_NaN();
  if (peek().kind != Token::Kind::number) fail_expected(what);
  const std::string& text = peek().text;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) fail_at(peek().at, "{} is beyond the range of a double", brief(text));
  if (error != std::errc() || end != text.data() + text.size()) fail_expected(what);
  take();
  return value;
}

Dim Cursor::expect_dim(bool zero_allowed) {
  constexpr std::string_view kWhat = "a dim: a number, a symbol like B, or 2*B";
  const Position start = peek().at;
  Dim dim;
  if (peek().kind == Token::Kind::number) {
    dim = Dim(expect_integer(kWhat));
    if (accept("*")) dim.symbol = expect_word("a symbol after '*'");
  } else {
    dim.symbol = expect_word(kWhat);
  }
  if (!is_symbol(dim.symbol))
    fail_at(start, "'{}' is not a symbol of a dim: a symbol consists of letters, digits and _", brief(dim.symbol));
  if (dim.factor < (zero_allowed ? 0 : 1))
    fail_at(start, "a dim must hold at least {} element(s), got {}", zero_allowed ? 0 : 1, to_string(dim));
  if (dim.factor > kLargestDim) fail_at(start, "a dim holds at most {} elements, got {}", kLargestDim, dim.factor);
  return dim.factor == 0 ? Dim(0) : dim;
}

Dims Cursor::expect_dims(bool zero_allowed) {
  Dims dims;
  expect("[", "before the dims");
  list("]", "or ',' after a dim", [&] { dims.push_back(expect_dim(zero_allowed)); });
  return dims;
}

DType Cursor::expect_dtype(std::string_view what) {
  const Position start = peek().at;
  const std::string text = expect_word(what);
  const std::optional<DType> dtype = parse_dtype(text);
  if (dtype) return *dtype;
  std::vector<std::string> known;
  for (const DType each : kDTypes) known.emplace_back(name(each));
  fail_at(start, "unknown dtype '{}'{}", brief(text), did_you_mean(text, known));
}

Type Cursor::expect_type() {
  const DType dtype = expect_dtype("a type such as f32[B,784]");
  return {dtype, expect_dims(false)};
}

}  // namespace weft::ir
