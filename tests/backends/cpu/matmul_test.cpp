// Generated matmuls against plain sums in double: every form, order of dims, edge of a tile, and machine.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <random>

#include "backends/cpu/codegen/products/matmul_plan.h"
#include "backends/cpu/program/jit.h"
#include "ir/error.h"

namespace weft {
namespace {

using cpu::Matmul;
using cpu::Matrix;
using cpu::ProductForm;

// Floats that end where a page ends that may not be touched.
class Guarded {
 public:
  explicit Guarded(std::size_t numbers) : count(numbers) {
    const auto page = std::size_t(sysconf(_SC_PAGESIZE));
    bytes_ = (count * sizeof(float) + page - 1) / page * page + page;
    map_ = static_cast<std::byte*>(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(map_ != MAP_FAILED);
    REQUIRE(mprotect(map_ + bytes_ - page, page, PROT_NONE) == 0);
    data = reinterpret_cast<float*>(map_ + bytes_ - page) - count;
    std::fill_n(data, count, std::nanf(""));
  }
  ~Guarded() { munmap(map_, bytes_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  const std::size_t count;
  float* data;

 private:
  std::byte* map_;
  std::size_t bytes_;
};

std::size_t numbers_of(const Matrix& m) {
  return std::size_t((m.rows - 1) * m.row_stride + (m.columns - 1) * m.column_stride + 1);
}

class Random {
 public:
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }
  float number() { return std::uniform_real_distribution<float>(-1, 1)(engine_); }
  // Dense along rows or columns, and often with numbers between that belong to others.
  Matrix matrix(std::int64_t rows, std::int64_t columns) {
    const std::int64_t extra = between(0, 2) == 0 ? between(1, 20) : 0;
    return between(0, 1) == 0 ? Matrix{rows, columns, columns + extra, 1} : Matrix{rows, columns, 1, rows + extra};
  }
  std::int64_t size() {
    const std::int64_t kind = between(0, 5);
    return kind == 0 ? 1 : kind == 1 ? between(2, 5) : kind == 2 ? 16 * between(1, 6) : between(1, 130);
  }

 private:
  std::mt19937 engine_{17};
};

float at(const float* data, const Matrix& m, std::int64_t i, std::int64_t j) {
  return data[i * m.row_stride + j * m.column_stride];
}

// Runs the product on 1, 2, 3 and 7 threads: bits equal, nothing outside the result written, numbers as they must be.
// Returns the result's memory.
std::vector<float> check_matmul(const Matmul& product, const std::string& cpu, Random random) {
  cpu::Jit jit(cpu);
  const int index = jit.add(product);
  jit.compile();
  const weft_kernel& kernel = jit.kernel(index);
  Guarded a(numbers_of(product.a)), b(numbers_of(product.b)), bias(std::size_t(product.b.columns));
  for (Guarded* each : {&a, &b, &bias})
    for (std::size_t i = 0; i < each->count; ++i) each->data[i] = random.number();
  const std::size_t size = numbers_of(product.result);
  std::vector<float> before(size), first;
  for (float& each : before) each = random.number();
  for (const int threads : {1, 2, 3, 7}) {
    Guarded result(size), scratch((kernel.scratch_bytes + 63) / 64 * 16);
    std::copy(before.begin(), before.end(), result.data);
    std::vector<void*> buffers{a.data, b.data, result.data};
    if (product.bias) buffers.insert(buffers.begin() + 2, bias.data);
    REQUIRE(kernel.chunks >= 1);
    cpu::parallel_chunks(kernel.chunks, threads, [&](std::int64_t begin, std::int64_t end) {
      kernel.run(buffers.data(), scratch.data, begin, end);
    });
    if (first.empty()) first.assign(result.data, result.data + size);
    CHECK(std::memcmp(first.data(), result.data, size * sizeof(float)) == 0);
  }
  std::vector<bool> is_result(size, false);
  double worst = 0;
  for (std::int64_t i = 0; i < product.result.rows; ++i)
    for (std::int64_t j = 0; j < product.result.columns; ++j) {
      const auto place = std::size_t(i * product.result.row_stride + j * product.result.column_stride);
      is_result[place] = true;
      double sum = product.accumulate ? double(before[place]) : product.bias ? double(bias.data[j]) : 0.0;
      for (std::int64_t k = 0; k < product.a.columns; ++k)
        sum += double(at(a.data, product.a, i, k)) * double(at(b.data, product.b, k, j));
      if (product.activation == "relu") sum = std::max(sum, 0.0);
      const double error = std::abs(double(first[place]) - sum);
      worst = std::isfinite(error) ? std::max(worst, error) : INFINITY;
    }
  CHECK(worst <= 4e-7 * (4 + double(product.a.columns) / 8 + std::sqrt(double(product.a.columns))));
  std::size_t changed = 0;
  for (std::size_t i = 0; i < size; ++i) changed += !is_result[i] && first[i] != before[i];
  CHECK(changed == 0);
  return first;
}

void check_everywhere(const Matmul& product, Random& random) {
  const std::vector<float> narrow = check_matmul(product, "x86-64-v3", random),
                           native = check_matmul(product, "native", random);
  CHECK(std::memcmp(narrow.data(), native.data(), native.size() * sizeof(float)) == 0);
  random.number();
}

}  // namespace

TEST_CASE("a generated product equals the sums, with the same bits for any machine and threads") {
  Random random;
  int seen[3] = {};
  for (int i = 0; i < 300; ++i) {
    const std::int64_t rows = random.size(), columns = random.size(), depth = random.size();
    Matmul product{"product", random.matrix(rows, depth), random.matrix(depth, columns), random.matrix(rows, columns)};
    const std::int64_t extra = random.between(0, 3);
    product.bias = extra == 0 || extra == 1;
    product.activation = extra == 1 || random.between(0, 3) == 0 ? "relu" : "";
    product.accumulate = extra == 2 && product.activation.empty();
    const std::string description = to_string(product);
    CAPTURE(description);
    ++seen[int(cpu::make_matmul_plan(product, cpu::find_target("native")).form)];
    check_everywhere(product, random);
  }
  for (const int each : seen) CHECK(each >= 10);
}

TEST_CASE("a deep product goes by parts of the depth") {
  Random random;
  for (const bool is_packed : {false, true})
    for (const bool accumulate : {false, true}) {
      const std::int64_t depth = 3001;
      Matmul product{"deep", {37, depth, 1, 37}, {depth, 45, 45, 1}, {37, 45, 45, 1}};
      if (is_packed) product.b = {depth, 45, 1, depth};
      product.bias = !accumulate;
      product.activation = accumulate ? "" : "relu";
      product.accumulate = accumulate;
      CHECK(cpu::make_matmul_plan(product, cpu::find_target("native")).depth_block < depth);
      CAPTURE(is_packed);
      CAPTURE(accumulate);
      check_everywhere(product, random);
    }
}

TEST_CASE("rows of b that lie far apart are copied") {
  Random random;
  for (const std::int64_t columns : {512, 100, 33}) {
    const Matmul product{"far", {70, 50, 50, 1}, {50, columns, 512, 1}, {70, columns, columns, 1}, true, "relu"};
    CHECK(cpu::make_matmul_plan(product, cpu::find_target("native")).form == ProductForm::packed);
    check_everywhere(product, random);
  }
}

TEST_CASE("relu of a product keeps a NaN, as the op does") {
  cpu::Jit jit;
  jit.add(Matmul{"relu", {1, 2, 2, 1}, {2, 1, 1, 1}, {1, 1, 1, 1}, false, "relu"});
  jit.add(Matmul{"wide", {1, 1, 1, 1}, {1, 17, 17, 1}, {1, 17, 17, 1}, false, "relu"});
  jit.compile(2);
  float a[] = {std::nanf(""), 1}, b[17] = {}, result[17] = {};
  void* buffers[] = {a, b, result};
  jit.kernel(0).run(buffers, nullptr, 0, jit.kernel(0).chunks);
  CHECK(std::isnan(result[0]));
  jit.kernel(1).run(buffers, nullptr, 0, jit.kernel(1).chunks);
  for (const float each : result) CHECK(std::isnan(each));
}

TEST_CASE("a small tile takes independent sums in turn") {
  const Matmul product{"chains", {1, 16, 16, 1}, {16, 8, 8, 1}, {1, 8, 8, 1}};
  REQUIRE(cpu::make_matmul_plan(product, cpu::find_target("x86-64-v3")).form == ProductForm::direct);
  const std::int64_t sums = cpu::independent_sums(1, 8);
  REQUIRE(sums == 8);
  // In one sum, the first 1 is lost to rounding beside 2^25; in sums of their own both are kept.
  const float large = 33554432;
  float a[16], b[16 * 8] = {}, result[8];
  std::fill_n(a, 16, 1.0f);
  const auto term = [&](std::int64_t k, float number) { std::fill_n(b + k * 8, 8, number); };
  term(0, large), term(1, 1), term(sums, -large), term(sums + 1, 1);
  cpu::Jit jit("x86-64-v3");
  jit.add(product);
  jit.compile();
  void* buffers[] = {a, b, result};
  jit.kernel(0).run(buffers, nullptr, 0, jit.kernel(0).chunks);
  for (const float each : result) CHECK(each == 2);
}

TEST_CASE("code of a product is small, and names no function") {
  for (const std::int64_t batch : {1, 64})
    for (const char* cpu : {"x86-64-v3", "x86-64-v4"}) {
      cpu::EmittedModule module(cpu::find_target(cpu));
      module.add(Matmul{"hidden", {batch, 784, 784, 1}, {784, 400, 400, 1}, {batch, 400, 400, 1}, true, "relu"});
      module.add(Matmul{"heads", {batch, 400, 400, 1}, {400, 40, 40, 1}, {batch, 40, 40, 1}, true});
      module.add(Matmul{"back", {batch, 40, 40, 1}, {40, 400, 1, 40}, {batch, 400, 400, 1}});
      module.optimise();
      CAPTURE(cpu);
      CAPTURE(batch);
      CHECK(module.assembly().find("call") == std::string::npos);
      const std::size_t bytes = module.object(true).size();
      MESSAGE(fmt::format("{}, batch {}: {} bytes for three products", cpu, batch, bytes));
      CHECK(bytes < 40000);
    }
}

TEST_CASE("a product's matrices must fit") {
  CHECK_THROWS_AS(cpu::make_matmul_plan({"p", {2, 3, 3, 1}, {4, 2, 2, 1}, {2, 2, 2, 1}}, cpu::find_target("x86-64-v3")),
                  InternalError);
}

}  // namespace weft
