// Text from files in messages: nothing in it acts on a terminal, and nothing is too long.
#include "ir/visible.h"

#include <doctest/doctest.h>

#include "ir/text/suggest.h"

namespace weft {
namespace {

TEST_CASE("visible: plain text and every script stay as they are") {
  for (const char* text : {"", "a.csv", "C:\\new\\x1b", "größe 高さ рост 🧵", "e\xcc\x81"})
    CHECK(visible(text) == text);
}

TEST_CASE("visible: what acts on a terminal becomes an escape") {
  CHECK(visible("\x1b[31mred\x1b[0m") == "\\x1b[31mred\\x1b[0m");
  CHECK(visible("a\nb\rc\td") == "a\\nb\\rc\\td");
  CHECK(visible(std::string_view("a\0b\x7f", 4)) == "a\\x00b\\x7f");
  CHECK(visible("\xc2\x9b"
                "31m") == "\\u009b31m");  // CSI in one character
  CHECK(visible("\xe2\x80\xae"
                "gnp.exe") == "\\u202egnp.exe");                     // right to left from here on
  CHECK(visible("\xe2\x81\xa6x\xe2\x81\xa9") == "\\u2066x\\u2069");  // isolates
  CHECK(visible("\xe2\x80\xa8\xe2\x80\x8f") == "\\u2028\\u200f");
}

TEST_CASE("visible: bytes that are no UTF-8 become escapes") {
  CHECK(visible("gr\xf6\xdf"
                "e") == "gr\\xf6\\xdfe");                        // Latin-1
  CHECK(visible("\xc0\x80") == "\\xc0\\x80");                    // overlong
  CHECK(visible("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // a surrogate
  CHECK(visible("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  CHECK(visible("\xff\xe2\x80") == "\\xff\\xe2\\x80");           // cut short
}

TEST_CASE("visible: its result is left as it is, for every byte and pair of bytes") {
  int checked = 0;
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b, ++checked) {
      const std::string once = visible(std::string{static_cast<char>(a), static_cast<char>(b)});
      if (visible(once) != once) FAIL_CHECK("bytes " << a << ' ' << b << ": " << once);
    }
  MESSAGE(checked << " pairs");
}

TEST_CASE("visible: lines keep their breaks, a message those before two blanks") {
  CHECK(visible_lines("a\n\tb\x1b\n") == "a\n\tb\\x1b\n");
  CHECK(visible_message("f:1: [add] no\n  %x from f:2\nweft: error: forged") ==
        "f:1: [add] no\n  %x from f:2\\nweft: error: forged");
}

TEST_CASE("shortened: the middle goes, by whole characters") {
  CHECK(shortened("abcdefg", 7) == "abcdefg");
  CHECK(shortened("abcdefgh", 7) == "abc…fgh");
  CHECK(shortened("ääääääää", 7) == "äää…äää");
  CHECK(shortened("🧵🧵🧵🧵🧵", 4) == "🧵…🧵🧵");
  const std::string message = visible_message("data/a.csv: row 1: '" + std::string(70'000, 'x') + "': fetch it again");
  CHECK(message.size() == 802);  // "…" has three bytes
  CHECK(message.starts_with("data/a.csv: row 1: 'xx"));
  CHECK(message.ends_with("xx': fetch it again"));
}

TEST_CASE("comment_text: generated code goes on behind the comment") {
  CHECK(comment_text("encode */ int x; /*") == "encode _/ int x; /_");
  CHECK(comment_text("a\nint x;") == "a_nint x;");
  CHECK(comment_text("a\\") == "a_");
  CHECK(comment_text("a?\?/") == "a__/");  // a trigraph, spelled so that this file has none
}

TEST_CASE("brief: a name of any length") {
  CHECK(brief("height") == "height");
  for (const std::size_t length : {81U, 200U, 5'120U, 5'121U, 70'000U}) {
    std::string name(length, 'n');
    name.front() = '\x1b';
    name.back() = '\n';
    const std::string text = brief(name);
    CHECK(text.size() == 82);
    CHECK(text.starts_with("\\x1bnnn"));
    CHECK(text.ends_with("nnn\\n"));
  }
}

TEST_CASE("nearest: a name of a megabyte is not compared") {
  const std::string name(1 << 20, 'n');
  CHECK(nearest(name, {name + "m"}).empty());
  CHECK(nearest("nm", {name, "mn"}) == "mn");
}

}  // namespace
}  // namespace weft
