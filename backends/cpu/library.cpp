// oneDNN primitives with memory and scratch that the planner owns.
#include "backends/cpu/library.h"

#include <algorithm>
#include <dnnl.hpp>
#include <vector>

#include "ir/error.h"

namespace weft::cpu {

namespace {

const dnnl::engine& engine() {
  static const dnnl::engine instance(dnnl::engine::kind::cpu, 0);
  return instance;
}

// A dim of size 1 may have any stride; the library wants the one that makes the other dim dense.
dnnl::memory::desc describe(const Matrix& matrix) {
  const bool dense_rows = matrix.column_stride == 1 || matrix.columns == 1;
  const dnnl::memory::dims strides = dense_rows ? dnnl::memory::dims{std::max(matrix.row_stride, matrix.columns), 1}
                                                : dnnl::memory::dims{1, std::max(matrix.column_stride, matrix.rows)};
  return {{matrix.rows, matrix.columns}, dnnl::memory::data_type::f32, strides};
}

class Matmul final : public Primitive {
 public:
  Matmul(const Matrix& a, const Matrix& b, const Matrix& result, bool bias, const std::string& activation)
      : stream_(engine()) {
    const dnnl::memory::desc a_desc = describe(a), b_desc = describe(b), result_desc = describe(result);
    const dnnl::memory::desc bias_desc({1, result.columns}, dnnl::memory::data_type::f32,
                                       dnnl::memory::dims{result.columns, 1});
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (!activation.empty()) {
      check(activation == "relu", "make_matmul: no such activation");
      dnnl::post_ops post_ops;
      post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
      attributes.set_post_ops(post_ops);
    }
    const dnnl::matmul::desc desc = bias ? dnnl::matmul::desc(a_desc, b_desc, bias_desc, result_desc)
                                         : dnnl::matmul::desc(a_desc, b_desc, result_desc);
    const dnnl::matmul::primitive_desc primitive_desc(desc, attributes, engine());
    implementation_ = primitive_desc.impl_info_str();
    primitive_ = dnnl::matmul(primitive_desc);
    add(DNNL_ARG_SRC, a_desc);
    add(DNNL_ARG_WEIGHTS, b_desc);
    if (bias) add(DNNL_ARG_BIAS, bias_desc);
    add(DNNL_ARG_DST, result_desc);
    scratch_bytes_ = primitive_desc.scratchpad_desc().get_size();
    add(DNNL_ARG_SCRATCHPAD, primitive_desc.scratchpad_desc());
  }

  void bind(void* const* operands, void* scratch) override {
    for (std::size_t i = 0; i + 1 < memories_.size(); ++i) memories_[i].set_data_handle(operands[i]);
    memories_.back().set_data_handle(scratch);
  }

  // By the C interface: the C++ one makes a vector of the arguments at each call.
  void run() override {
    const dnnl_status_t status =
        dnnl_primitive_execute(primitive_.get(), stream_.get(), int(arguments_.size()), arguments_.data());
    check(status == dnnl_success, "oneDNN failed to run a matmul");
  }
  std::size_t scratch_bytes() const override { return scratch_bytes_; }
  std::string implementation() const override { return implementation_; }

 private:
  void add(int argument, const dnnl::memory::desc& desc) {
    memories_.emplace_back(desc, engine(), nullptr);
    arguments_.push_back({argument, memories_.back().get()});
  }

  dnnl::stream stream_;
  dnnl::matmul primitive_;
  std::vector<dnnl::memory> memories_;  // in the order of the operands, then the scratch
  std::vector<dnnl_exec_arg_t> arguments_;
  std::size_t scratch_bytes_ = 0;
  std::string implementation_;
};

}  // namespace

std::unique_ptr<Primitive> make_matmul(const Matrix& a, const Matrix& b, const Matrix& result, bool bias,
                                       const std::string& activation) {
  try {
    return std::make_unique<Matmul>(a, b, result, bias, activation);
  } catch (const dnnl::error& error) {
    throw InternalError(fmt::format("internal error: oneDNN refuses a matmul {}x{} * {}x{}: {}", a.rows, a.columns,
                                    b.rows, b.columns, error.what()));
  }
}

std::string library_version() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
}

}  // namespace weft::cpu
