// Opens devices when they are first asked for.
#include "backends/gpu.h"

#include <map>

#include "backends/compile.h"
#include "backends/cuda/emulated_device.h"
#include "backends/cuda/program.h"
#include "ir/error.h"
#ifdef WEFT_WITH_CUDA
#include "backends/cuda/driver.h"
#endif

namespace weft {

namespace {

std::shared_ptr<cuda::Device> open(const std::string& backend) {
  if (backend == "cuda-emulated") return cuda::make_emulated_device();
#ifdef WEFT_WITH_CUDA
  return cuda::open_gpu();
#else
  fail(
      "this build has no backend 'cuda': it was made without the headers of CUDA and cuDNN; configure it again where "
      "they are installed");
#endif
}

}  // namespace

bool is_gpu_backend(const std::string& backend) { return backend == "cuda" || backend == "cuda-emulated"; }

const Gpu& gpu_of(const std::string& backend) {
  static std::map<std::string, Gpu> opened;
  const auto found = opened.find(backend);
  if (found != opened.end()) {
    found->second.device->enter();  // this may be another thread than the one that opened it
    return found->second;
  }
  const std::shared_ptr<cuda::Device> device = open(backend);
  return opened.emplace(backend, Gpu{device, cuda::memory_of(device)}).first->second;
}

std::vector<Finding> find_gpu() {
#ifdef WEFT_WITH_CUDA
  return cuda::find_cuda();
#else
  return {};
#endif
}

std::string cuda_source(const ir::GraphPtr& graph, CompileOptions options) {
  options.backend = "cuda";
  return cuda::source_of(*lowered(graph, options));
}

}  // namespace weft
