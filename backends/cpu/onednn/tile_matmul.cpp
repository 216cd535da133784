// Single-threaded oneDNN matmuls whose memory is given at each call.
#include "backends/cpu/onednn/tile_matmul.h"

#include "backends/cpu/onednn/call.h"
#include "backends/cpu/onednn/version.h"
#include "ir/error.h"

namespace weft::cpu {

struct TileMatmul::Impl : MatmulCall {
  explicit Impl(const dnnl::matmul::primitive_desc& desc) : MatmulCall(desc, false) {}
};

TileMatmul::TileMatmul(const Matrix& a, const Matrix& b, const Matrix& result, bool accumulate) {
  const OneThread one_thread;
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (accumulate) {
    dnnl::post_ops post_ops;
    post_ops.append_sum(1.0f);
    attributes.set_post_ops(post_ops);
  }
  try {
    impl_ = std::make_unique<Impl>(matmul_desc(desc_of(a), desc_of(b), {}, desc_of(result), attributes));
  } catch (const dnnl::error& error) {
    throw InternalError(fmt::format("internal error: oneDNN refuses a matmul of tiles {}x{} * {}x{}: {}", a.rows,
                                    a.columns, b.rows, b.columns, error.what()));
  }
}
TileMatmul::~TileMatmul() = default;
TileMatmul::TileMatmul(TileMatmul&&) noexcept = default;
TileMatmul& TileMatmul::operator=(TileMatmul&&) noexcept = default;

void TileMatmul::run(const float* a, const float* b, float* result, void* scratch) {
  impl_->call.set(0, const_cast<float*>(a));
  impl_->call.set(1, const_cast<float*>(b));
  impl_->call.set(2, result);
  impl_->call.set(3, scratch);
  impl_->call.run();
}
void TileMatmul::run_product(void* product, void* const* buffers, void* scratch) {
  static_cast<TileMatmul*>(product)->run(static_cast<const float*>(buffers[0]), static_cast<const float*>(buffers[1]),
                                         static_cast<float*>(buffers[2]), scratch);
}
std::size_t TileMatmul::scratch_bytes() const { return impl_->scratch_bytes; }

}  // namespace weft::cpu
