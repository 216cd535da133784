// The backends that run generated CUDA: on a GPU, and on the host in its place.
#include "backends/backend.h"

#include <mutex>
#include <optional>

#include "backends/cuda/device/device.h"
#include "backends/cuda/emulation/emulated_device.h"
#include "backends/cuda/program/program.h"
#include "ir/error.h"
#ifdef WEFT_WITH_CUDA
#include "backends/cuda/device/driver.h"
#endif

namespace weft::backend_rows {

namespace {

using DevicePtr = std::shared_ptr<weft::cuda::Device>;

struct Opened {
  DevicePtr device;
  std::shared_ptr<runtime::Memory> memory;
};

DevicePtr open_gpu() {
#ifdef WEFT_WITH_CUDA
  return weft::cuda::open_gpu();
#else
  fail(
      "this build has no backend 'cuda': configuration did not find the headers of CUDA and cuDNN; install them "
      "and configure again");
#endif
}

// One device and one memory for the whole process; the first thread that asks opens them.
template <DevicePtr (*open)()>
const Opened& opened() {
  static std::mutex mutex;
  static std::optional<Opened> only;
  const std::lock_guard lock(mutex);
  if (!only) {
    const DevicePtr device = open();
    only = Opened{device, weft::cuda::memory_of(device)};
  }
  only->device->enter();  // another thread may have opened the device
  return *only;
}

template <DevicePtr (*open)()>
Backend row_of(std::string name, Backend::Default by_default) {
  Backend row;
  row.name = std::move(name);
  row.by_default = by_default;
  row.precisions = {Precision::f32, Precision::tf32, Precision::bf16};
  row.target = [](const CompileOptions&) { return weft::cuda::target(); };
  row.memory = [] { return opened<open>().memory; };
  row.source = weft::cuda::source_of;
  row.compile = [](ir::GraphPtr graph, const CompileOptions& options, CompileReport& report) {
    const Opened& gpu = opened<open>();
    const bool tf32 = options.precision == Precision::tf32;
    return weft::cuda::make_program(std::move(graph), gpu.device, gpu.memory, tf32, report);
  };
  return row;
}

}  // namespace

Backend cuda() {
  Backend row = row_of<open_gpu>("cuda", Backend::Default::if_first);
#ifdef WEFT_WITH_CUDA
  row.needs = weft::cuda::find_cuda;
#endif
  return row;
}

Backend cuda_emulated() { return row_of<weft::cuda::make_emulated_device>("cuda-emulated", Backend::Default::never); }

}  // namespace weft::backend_rows
