// Matrix products by oneDNN, on memory and scratch that the planner owns.
#include <algorithm>
#include <bit>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/cpu/library.h"
#include "backends/cpu/library_call.h"
#include "backends/cpu/memory.h"
#include "backends/cpu/parallel.h"
#include "ir/error.h"

namespace weft::cpu {

namespace {

dnnl::matmul::primitive_desc describe_matmul(const Matrix& a, const Matrix& b, const Matrix& result, bool bias,
                                             const std::string& activation) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (!activation.empty()) {
    check(activation == "relu", "make_matmul: no such activation");
    dnnl::post_ops post_ops;
    post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    attributes.set_post_ops(post_ops);
  }
  const dnnl::memory::desc bias_desc({1, result.columns}, dnnl::memory::data_type::f32,
                                     dnnl::memory::dims{result.columns, 1});
  const dnnl::matmul::desc desc = bias ? dnnl::matmul::desc(describe(a), describe(b), bias_desc, describe(result))
                                       : dnnl::matmul::desc(describe(a), describe(b), describe(result));
  return {desc, attributes, engine()};
}

// A product for some rows and columns of the result.
struct MatmulPart {
  MatmulPart(const dnnl::matmul::primitive_desc& desc, bool bias)
      : call(dnnl::matmul(desc)), scratch_bytes(desc.scratchpad_desc().get_size()) {
    call.add(DNNL_ARG_SRC, desc.src_desc());
    call.add(DNNL_ARG_WEIGHTS, desc.weights_desc());
    if (bias) call.add(DNNL_ARG_BIAS, desc.bias_desc());
    call.add(DNNL_ARG_DST, desc.dst_desc());
    call.add(DNNL_ARG_SCRATCHPAD, desc.scratchpad_desc());
  }

  Call call;
  std::size_t scratch_bytes;
};

class Matmul final : public Primitive {
 public:
  Matmul(const dnnl::matmul::primitive_desc& desc, bool bias)
      : part_(desc, bias), implementation_(desc.impl_info_str()) {}

  void bind(void* const* operands, void* scratch) override {
    const std::size_t last = part_.call.arguments() - 1;
    for (std::size_t i = 0; i < last; ++i) part_.call.set(i, operands[i]);
    part_.call.set(last, scratch);
  }
  void run() override { part_.call.run(); }
  std::size_t scratch_bytes() const override { return part_.scratch_bytes; }
  std::string implementation() const override { return implementation_; }

 private:
  MatmulPart part_;
  std::string implementation_;
};

// Without AVX-512 the library multiplies by a gemm that cuts the depth, and so rounds, by the number of threads. Here
// the result is cut by its shape alone, and each part made by one thread.
class MatmulParts final : public Primitive {
 public:
  MatmulParts(const Matrix& a, const Matrix& b, const Matrix& result, bool bias, const std::string& activation)
      : threads_(omp_get_max_threads()) {
    const OneThread one_thread;
    const bool tall = result.rows >= result.columns;
    const std::int64_t side = tall ? result.rows : result.columns, parts = parts_of(side);
    for (std::int64_t i = 0; i < parts; ++i) {
      const std::int64_t first = side * i / parts, size = side * (i + 1) / parts - first;
      Matrix part_a = a, part_b = b, part_result = result;
      (tall ? part_a.rows : part_b.columns) = (tall ? part_result.rows : part_result.columns) = size;
      const auto desc = describe_matmul(part_a, part_b, part_result, bias, activation);
      parts_.emplace_back(desc, bias);
      offsets_.push_back({tall ? first * a.row_stride : 0, tall ? 0 : first * b.column_stride, tall ? 0 : first,
                          first * (tall ? result.row_stride : result.column_stride)});
      implementation_ = desc.impl_info_str();
    }
    if (parts > 1) implementation_ += fmt::format(", {} parts", parts);
  }

  void bind(void* const* operands, void* scratch) override {
    auto* next = static_cast<std::byte*>(scratch);
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      Call& call = parts_[i].call;
      const auto at = [&](std::size_t argument, std::int64_t offset) {
        call.set(argument, static_cast<float*>(operands[argument]) + offset);
      };
      const std::size_t last = call.arguments() - 1;
      at(0, offsets_[i].a);
      at(1, offsets_[i].b);
      if (last == 4) at(2, offsets_[i].bias);
      at(last - 1, offsets_[i].result);
      call.set(last, std::exchange(next, next + aligned(parts_[i].scratch_bytes)));
    }
  }

  void run() override {
    parallel_chunks(std::int64_t(parts_.size()), threads_, [this](std::int64_t begin, std::int64_t end) {
      const OneThread one_thread;
      for (std::int64_t i = begin; i < end; ++i) parts_[std::size_t(i)].call.run();
    });
  }

  std::size_t scratch_bytes() const override {
    std::size_t bytes = 0;
    for (const MatmulPart& part : parts_) bytes += aligned(part.scratch_bytes);
    return bytes;
  }
  std::string implementation() const override { return implementation_; }

 private:
  // Of the longer side of the result. Each part packs all of the other operand anew, so they are few: from 2 to 4 parts
  // a product of 256 x 784 with 784 x 1000 loses 7%.
  static std::int64_t parts_of(std::int64_t side) {
    constexpr std::int64_t least = 64, usual = 256, most = 8;
    if (side < 2 * least) return 1;
    return std::int64_t(std::bit_floor(std::uint64_t(std::clamp<std::int64_t>(side / usual, 2, most))));
  }

  // Of a part, in numbers from the start of each operand.
  struct Offsets {
    std::int64_t a, b, bias, result;
  };

  int threads_;
  std::vector<MatmulPart> parts_;
  std::vector<Offsets> offsets_;
  std::string implementation_;
};

}  // namespace

std::unique_ptr<Primitive> make_matmul(const Matrix& a, const Matrix& b, const Matrix& result, bool bias,
                                       const std::string& activation) {
  try {
    const dnnl::matmul::primitive_desc desc = describe_matmul(a, b, result, bias, activation);
    if (std::string_view(desc.impl_info_str()).find("gemm") != std::string_view::npos)
      return std::make_unique<MatmulParts>(a, b, result, bias, activation);
    return std::make_unique<Matmul>(desc, bias);
  } catch (const dnnl::error& error) {
    throw InternalError(fmt::format("internal error: oneDNN refuses a matmul {}x{} * {}x{}: {}", a.rows, a.columns,
                                    b.rows, b.columns, error.what()));
  }
}

}  // namespace weft::cpu
