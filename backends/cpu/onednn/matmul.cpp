// Matmuls by oneDNN, on memory and scratch that the planner owns.
#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "backends/cpu/onednn/call.h"
#include "backends/cpu/onednn/onednn.h"
#include "backends/cpu/onednn/version.h"
#include "backends/cpu/threads/memory.h"
#include "ir/error.h"

namespace weft::cpu {

namespace {

dnnl::matmul::primitive_desc describe_matmul(const Matrix& a, const Matrix& b, const Matrix& result, bool bias) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::memory::desc bias_desc({1, result.columns}, dnnl::memory::data_type::f32,
                                     dnnl::memory::dims{result.columns, 1});
  return matmul_desc(desc_of(a), desc_of(b), bias ? bias_desc : dnnl::memory::desc(), desc_of(result), attributes);
}

// A matmul for some rows or columns of the result: offsets of its operands from the whole matmul's, in numbers.
struct MatmulPart : MatmulCall {
  std::int64_t a = 0, b = 0, bias = 0, result = 0;
  Relu relu = {};
};

// For the whole result, line by line along its dense dim.
Relu relu_of(const Matrix& result) {
  return result.column_stride == 1 || result.columns == 1
             ? Relu{nullptr, result.rows, result.columns, std::max(result.row_stride, result.columns)}
             : Relu{nullptr, result.columns, result.rows, result.column_stride};
}

// Parts of the result, which the shape alone cuts, each computed by one thread.
class OnednnMatmul final : public Primitive {
 public:
  OnednnMatmul(const Matrix& a, const Matrix& b, const Matrix& result, bool bias, const std::string& activation,
               int threads)
      : bias_(bias), threads_(threads) {
    check(activation.empty() || activation == "relu", "make_matmul: no such activation");
    const bool relu = !activation.empty();
    const OneThread one_thread;
    implementation_ = describe_matmul(a, b, result, bias).impl_info_str();
    const bool is_gemm = implementation_.find("gemm") != std::string::npos;
    const bool by_rows = !is_gemm || result.rows >= result.columns;
    const std::int64_t side = by_rows ? result.rows : result.columns;
    const double flops = 2.0 * double(result.rows) * double(result.columns) * double(a.columns);
    const std::int64_t parts =
        is_gemm ? gemm_parts(side) : row_parts(side, flops, b.column_stride == 1 || b.columns == 1);
    for (std::int64_t i = 0; i < parts; ++i) {
      const auto [first, last] = share_of({0, side}, i, parts, kUnit);
      const std::int64_t size = last - first;
      Matrix part_a = a, part_b = b, part_result = result;
      (by_rows ? part_a.rows : part_b.columns) = (by_rows ? part_result.rows : part_result.columns) = size;
      MatmulCall call(describe_matmul(part_a, part_b, part_result, bias), bias);
      if (by_rows)
        parts_.push_back({std::move(call), first * a.row_stride, 0, 0, first * result.row_stride});
      else
        parts_.push_back({std::move(call), 0, first * b.column_stride, first, first * result.column_stride});
      if (relu) parts_.back().relu = relu_of(part_result);
    }
    if (parts > 1) implementation_ += fmt::format(", {} parts", parts);
  }

  void bind(void* const* operands, void* scratch) override {
    auto* next = static_cast<std::byte*>(scratch);
    for (MatmulPart& part : parts_) {
      std::size_t argument = 0;
      const auto set = [&](std::int64_t offset) {
        part.call.set(argument, static_cast<float*>(operands[argument]) + offset);
        ++argument;
      };
      set(part.a);
      set(part.b);
      if (bias_) set(part.bias);
      part.relu.data = static_cast<float*>(operands[argument]) + part.result;
      set(part.result);
      part.call.set(argument, std::exchange(next, next + aligned(part.scratch_bytes)));
    }
  }

  void run() override { run_parts(parts_, threads_); }

  std::size_t scratch_bytes() const override {
    std::size_t bytes = 0;
    for (const MatmulPart& part : parts_) bytes += aligned(part.scratch_bytes);
    return bytes;
  }
  std::string implementation() const override { return implementation_; }

 private:
  static constexpr std::int64_t kUnit = 16, kMostParts = 16;  // a part has a multiple of so many rows or columns

  // The library's brgemm (AVX-512) computes an element in the same order whatever the rows beside it. A part reads all
  // of b, and copies it if its columns are the dense dim: more and smaller parts then cost a step of the deep
  // autoencoder 5%. A few parts divide evenly among two or four threads.
  static std::int64_t row_parts(std::int64_t rows, double flops, bool dense_rows) {
    constexpr std::int64_t least = 32, few = 8;
    constexpr double least_flops = 1e6;  // 10 us
    std::int64_t parts = rows / least;
    if (!dense_rows) parts = std::max(parts / 2, std::min<std::int64_t>(parts, 2));
    parts = std::clamp<std::int64_t>(std::min(parts, std::int64_t(flops / least_flops)), 1, kMostParts);
    return parts < few ? std::int64_t(std::bit_floor(std::uint64_t(parts))) : parts;
  }

  // The library's gemm splits the longer side of the result. Each part packs the whole other operand again, so there
  // are few: going from 2 to 4 parts costs a matmul of 256 x 784 with 784 x 1000 7%.
  static std::int64_t gemm_parts(std::int64_t side) {
    constexpr std::int64_t least = 64, usual = 256, most = 8;
    if (side < 2 * least) return 1;
    return std::int64_t(std::bit_floor(std::uint64_t(std::clamp<std::int64_t>(side / usual, 2, most))));
  }

  bool bias_;
  int threads_;
  std::vector<MatmulPart> parts_;
  std::string implementation_;
};

}  // namespace

std::unique_ptr<Primitive> make_matmul(const Matrix& a, const Matrix& b, const Matrix& result, bool bias,
                                       const std::string& activation, int threads) {
  try {
    return std::make_unique<OnednnMatmul>(a, b, result, bias, activation, threads);
  } catch (const dnnl::error& error) {
    throw InternalError(fmt::format("internal error: oneDNN refuses a matmul {}x{} * {}x{}: {}", a.rows, a.columns,
                                    b.rows, b.columns, error.what()));
  }
}

}  // namespace weft::cpu
