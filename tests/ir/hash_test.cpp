// Values of the hash that stand in files.
#include "ir/hash.h"

#include <doctest/doctest.h>

namespace weft {
namespace {

TEST_CASE("FNV-1a: the values of its authors' test vectors, and texts in a row") {
  CHECK(fnv1a("") == 0xcbf29ce484222325);
  CHECK(fnv1a("a") == 0xaf63dc4c8601ec8c);
  CHECK(fnv1a("foobar") == 0x85944171f73967e8);
  CHECK(fnv1a("\xff") == 0xaf64724c8602eb6e);
  CHECK(fnv1a("bar", fnv1a("foo")) == fnv1a("foobar"));
}

}  // namespace
}  // namespace weft
