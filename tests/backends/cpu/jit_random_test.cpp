// Compiled kernels of random bodies on random shapes and layouts against the reference interpreter.
#include <doctest/doctest.h>

#include <cstdlib>
#include <random>

#include "ir/error.h"
#include "tests/backends/cpu/kernel_check.h"
#include "tests/support/in_place.h"
#include "tests/support/random_body.h"

namespace weft {
namespace {

using namespace test;
using reference::Tensor;

// Returns whether there was anything to check.
bool check_random_body(std::mt19937& random, bool with_row, bool with_final) {
  const ir::Graph body = random_body(random, with_row, with_final);
  if (body.outputs.empty()) return false;
  Layouts layouts = random() % 3 == 0 ? Layouts() : random_layouts(random, body);
  if (random() % 2 == 0) put_in_place(body, layouts);
  const std::vector<Tensor> inputs = random_inputs(random, body);
  try {
    check_body(body, inputs, layouts, random() % 3 == 0 ? "x86-64-v3" : "native");
    return true;
  } catch (const InternalError& error) {
    // All else is a failure.
    CAPTURE(error.what());
    CHECK(breaks_contract(error.what()));
    return false;
  }
}

int rounds() {
  const char* text = std::getenv("WEFT_FUZZ_ROUNDS");
  return text ? std::atoi(text) : 40;
}

void check_random_bodies(unsigned seed, bool with_row, bool with_final) {
  std::mt19937 random(seed);
  int checked = 0;
  for (int i = 0; i < rounds(); ++i) {
    CAPTURE(i);
    checked += check_random_body(random, with_row, with_final);
  }
  CHECK(checked * 2 >= rounds());
}

}  // namespace

TEST_CASE("random elementwise bodies") { check_random_bodies(1, false, false); }
TEST_CASE("random bodies with final reductions") { check_random_bodies(2, false, true); }
TEST_CASE("random bodies with row reductions") { check_random_bodies(3, true, false); }
TEST_CASE("random bodies with row and final reductions") { check_random_bodies(4, true, true); }
}  // namespace weft
