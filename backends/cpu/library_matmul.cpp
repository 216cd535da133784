// Matrix products by oneDNN, on memory and scratch that the planner owns.
#include "backends/cpu/library.h"
#include "backends/cpu/library_call.h"
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

class Matmul final : public Primitive {
 public:
  Matmul(const dnnl::matmul::primitive_desc& desc, bool bias)
      : call_(dnnl::matmul(desc)),
        scratch_bytes_(desc.scratchpad_desc().get_size()),
        implementation_(desc.impl_info_str()) {
    call_.add(DNNL_ARG_SRC, desc.src_desc());
    call_.add(DNNL_ARG_WEIGHTS, desc.weights_desc());
    if (bias) call_.add(DNNL_ARG_BIAS, desc.bias_desc());
    call_.add(DNNL_ARG_DST, desc.dst_desc());
    call_.add(DNNL_ARG_SCRATCHPAD, desc.scratchpad_desc());
  }

  void bind(void* const* operands, void* scratch) override {
    for (std::size_t i = 0; i + 1 < call_.arguments(); ++i) call_.set(i, operands[i]);
    call_.set(call_.arguments() - 1, scratch);
  }
  void run() override { call_.run(); }
  std::size_t scratch_bytes() const override { return scratch_bytes_; }
  std::string implementation() const override { return implementation_; }

 private:
  Call call_;
  std::size_t scratch_bytes_ = 0;
  std::string implementation_;
};

}  // namespace

std::unique_ptr<Primitive> make_matmul(const Matrix& a, const Matrix& b, const Matrix& result, bool bias,
                                       const std::string& activation) {
  try {
    return std::make_unique<Matmul>(describe_matmul(a, b, result, bias, activation), bias);
  } catch (const dnnl::error& error) {
    throw InternalError(fmt::format("internal error: oneDNN refuses a matmul {}x{} * {}x{}: {}", a.rows, a.columns,
                                    b.rows, b.columns, error.what()));
  }
}

}  // namespace weft::cpu
