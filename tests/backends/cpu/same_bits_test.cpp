// Generated contractions have the same bits on AVX2, AVX-512 and, under qemu, aarch64.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "backends/cpu/program/jit.h"
#include "runtime/shell.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using cpu::Matmul;
using cpu::Matrix;
using cpu::Winograd;
using cpu::WinogradPart;

namespace {

struct Item {
  cpu::KernelSource source;
  std::vector<std::size_t> sizes;  // of its buffers in numbers, the result last
};

Item product(const std::string& name, const Matrix& a, const Matrix& b) {
  const Matmul matmul{name, a, b, {a.rows, b.columns, b.columns, 1}, true, "relu"};
  return {matmul,
          {std::size_t(a.rows * a.columns), std::size_t(b.rows * b.columns), std::size_t(b.columns),
           std::size_t(a.rows * b.columns)}};
}

// Every form of a matmul, and every part of a Winograd convolution.
std::vector<Item> items() {
  const auto dense = [](std::int64_t rows, std::int64_t columns) { return Matrix{rows, columns, columns, 1}; };
  const auto turned = [](std::int64_t rows, std::int64_t columns) { return Matrix{rows, columns, 1, rows}; };
  std::vector<Item> all{
      product("direct", dense(37, 300), dense(300, 75)),  product("packed", dense(37, 300), turned(300, 75)),
      product("turned", turned(37, 300), dense(300, 75)), product("dots", dense(3, 301), turned(301, 50)),
      product("row", dense(1, 784), dense(784, 400)),     product("small", dense(3, 100), dense(100, 10)),
      product("deep", dense(40, 2500), dense(2500, 33))};
  // 48 results: in the same order on all machines, in panels of 16.
  const std::size_t images = 3, size = 9, in = 32, out = 48, x = images * size * size * in,
                    y = images * size * size * out, w = out * in * 9, kernels = out * in * 36;
  const auto winograd = [&](const std::string& name, WinogradPart part) {
    Winograd made{
        name, part, std::int64_t(images), std::int64_t(size), std::int64_t(size), std::int64_t(in), std::int64_t(out)};
    made.bias = part == WinogradPart::result;
    return made;
  };
  all.push_back({winograd("transform", WinogradPart::kernels), {w, kernels}});
  all.push_back({winograd("result", WinogradPart::result), {x, kernels, out, y}});
  all.push_back({winograd("gradient", WinogradPart::weights), {x, y, w}});
  return all;
}

// The driver's text, for other machines, and its twin below.
constexpr const char* kDriver = R"(#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static float* filled(size_t count, uint32_t* state) {{
  float* data = aligned_alloc(64, (count + 16) / 16 * 64);
  for (size_t i = 0; i < count; ++i) {{
    *state = *state * 1664525u + 1013904223u;
    data[i] = (float)(int32_t)*state / 2147483648.0f;
  }}
  return data;
}}
static uint64_t hash(const float* data, size_t count) {{
  uint64_t result = 14695981039346656037u;
  for (size_t i = 0; i < count * sizeof(float); ++i) result = (result ^ ((const unsigned char*)data)[i]) * 1099511628211u;
  return result;
}}
{}int main(void) {{
{}  return 0;
}}
)";

float* filled(std::size_t count, std::uint32_t& state) {
  auto* data = static_cast<float*>(std::aligned_alloc(64, (count + 16) / 16 * 64));
  for (std::size_t i = 0; i < count; ++i) {
    state = state * 1664525U + 1013904223U;
    data[i] = static_cast<float>(static_cast<std::int32_t>(state)) / 2147483648.0F;
  }
  return data;
}

std::uint64_t hash(const float* data, std::size_t count) {
  std::uint64_t result = 14695981039346656037U;
  for (std::size_t i = 0; i < count * sizeof(float); ++i)
    result = (result ^ reinterpret_cast<const unsigned char*>(data)[i]) * 1099511628211U;
  return result;
}

std::vector<std::uint64_t> hashes_here(const std::string& cpu) {
  cpu::Jit jit(cpu);
  const std::vector<Item> all = items();
  for (const Item& item : all) jit.add(item.source);
  jit.compile();
  std::vector<std::uint64_t> result;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const weft_kernel& kernel = jit.kernel(int(i));
    std::uint32_t state = 1;
    std::vector<void*> buffers;
    for (const std::size_t size : all[i].sizes) buffers.push_back(filled(size, state));
    float* scratch = filled(kernel.scratch_bytes / sizeof(float), state);
    cpu::run_kernel(kernel, buffers.data(), scratch, 1);
    result.push_back(hash(static_cast<float*>(buffers.back()), all[i].sizes.back()));
    for (void* each : buffers) std::free(each);
    std::free(scratch);
  }
  return result;
}

std::string driver(const std::vector<Item>& all, const std::vector<cpu::KernelFacts>& facts) {
  std::string declarations, calls;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string& name = facts[i].name;
    declarations += fmt::format("void {}(void* const*, void*, int64_t, int64_t);\n", name);
    if (facts[i].has_finish) declarations += fmt::format("void {}_finish(void* const*, void*);\n", name);
    calls += "  {\n    uint32_t state = 1;\n    void* buffers[4];\n";
    for (std::size_t j = 0; j < all[i].sizes.size(); ++j)
      calls += fmt::format("    buffers[{}] = filled({}, &state);\n", j, all[i].sizes[j]);
    calls += fmt::format("    void* scratch = filled({}, &state);\n    {}(buffers, scratch, 0, {});\n",
                         facts[i].scratch_bytes / sizeof(float), name, facts[i].chunks);
    if (facts[i].has_finish) calls += fmt::format("    {}_finish(buffers, scratch);\n", name);
    calls += fmt::format("    printf(\"%llu\\n\", (unsigned long long)hash(buffers[{}], {}));\n  }}\n",
                         all[i].sizes.size() - 1, all[i].sizes.back());
  }
  return fmt::format(kDriver, declarations, calls);
}

}  // namespace

TEST_CASE("AVX2 and this machine make the same bits of every contraction") {
  CHECK(hashes_here("x86-64-v3") == hashes_here("native"));
}

TEST_CASE("aarch64 makes the same bits of every contraction") {
  if (std::system("command -v qemu-aarch64 aarch64-linux-gnu-gcc > /dev/null") != 0) {
    MESSAGE("skipped: needs qemu-aarch64 and aarch64-linux-gnu-gcc (Debian: qemu-user, gcc-aarch64-linux-gnu)");
    return;
  }
  const std::vector<Item> all = items();
  cpu::EmittedModule module(cpu::find_target("native", "aarch64-linux-gnu"));
  for (const Item& item : all) module.add(item.source);
  module.optimise();
  const std::vector<char> object = module.object(true);
  const test::TempFolder folder;
  folder.write("kernels.o", {object.data(), object.size()});
  folder.write("main.c", driver(all, module.facts()));
  REQUIRE(
      runtime::run_shell(fmt::format("cd {} && aarch64-linux-gnu-gcc -std=gnu11 -O1 -static main.c kernels.o -o main "
                                     "&& qemu-aarch64 ./main > hashes",
                                     folder.path().string())));
  std::ifstream file(folder / "hashes");
  std::vector<std::uint64_t> made;
  for (std::uint64_t each = 0; file >> each;) made.push_back(each);
  CHECK(made == hashes_here("native"));
}
