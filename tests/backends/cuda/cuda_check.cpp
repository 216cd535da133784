// Cases on guarded memory, and translation units to NVRTC.
#include "tests/backends/cuda/cuda_check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "backends/cuda/device/nvrtc.h"
#include "backends/reference/reference.h"
#include "ir/error.h"
#include "ir/kernel/text/print.h"
#include "tests/backends/cuda/cuda_emulation.h"

namespace weft::test {

using kernel::Strides;
using reference::Tensor;

namespace {

constexpr std::size_t kUnit = 64;  // kernels a translation unit

void check_case(const CudaCase& each, const Emulation& emulation) {
  std::vector<View> views;
  const auto strides = [](const std::vector<Strides>& all, std::size_t i) { return all.empty() ? Strides() : all[i]; };
  for (std::size_t i = 0; i < each.inputs.size(); ++i) {
    views.emplace_back(each.inputs[i].type, strides(each.layouts.inputs, i));
    views.back().write(each.inputs[i]);
  }
  for (std::size_t i = 0; i < each.outputs.size(); ++i)
    views.emplace_back(each.outputs[i].type, strides(each.layouts.outputs, i));
  std::vector<std::size_t> place(views.size());
  std::iota(place.begin(), place.end(), std::size_t{0});
  for (const auto& [output, input] : each.layouts.in_place)
    place[each.inputs.size() + std::size_t(output)] = std::size_t(input);
  std::vector<void*> buffers;
  for (const std::size_t view : place) buffers.push_back(views[view].data());
  CHECK(emulation.run(each.kernel, buffers));
  for (std::size_t i = 0; i < each.outputs.size(); ++i) {
    CAPTURE(i);
    const Tensor got = views[place[each.inputs.size() + i]].read();
    if (each.exact)
      CHECK(got.data == each.outputs[i].data);
    else
      CHECK(error_of(got, each.outputs[i], each.points) <= 1);
  }
  for (std::size_t i = 0; i < views.size(); ++i) {
    CAPTURE(i);
    CHECK(views[i].guards_hold());
  }
}

}  // namespace

void CudaCorpus::add(const ir::Graph& body, const std::vector<Tensor>& inputs, const Layouts& layouts) {
  const std::vector<Strides> dense_in(inputs.size()), dense_out(body.outputs.size());
  const kernel::Kernel lowered = kernel::lower(body, layouts.inputs.empty() ? dense_in : layouts.inputs,
                                               layouts.outputs.empty() ? dense_out : layouts.outputs, next_name());
  add({kernel::print(lowered), cuda::emit(lowered), inputs, reference::run<float>(body, inputs), layouts,
       lowered.points(), false, true});
}

void CudaCorpus::add_unrun(const ir::Graph& body) {
  const std::vector<Strides> inputs(body.inputs.size()), outputs(body.outputs.size());
  const kernel::Kernel lowered = kernel::lower(body, inputs, outputs, next_name());
  add({kernel::print(lowered), cuda::emit(lowered), {}, {}, {}, 1, false, false});
}

void CudaCorpus::check() const {
  for (std::size_t begin = 0; begin < cases_.size(); begin += kUnit)
    check_unit(begin, std::min(begin + kUnit, cases_.size()));
  const cuda::Nvrtc* nvrtc = cuda::Nvrtc::find();
  const auto run = std::count_if(cases_.begin(), cases_.end(), [](const CudaCase& each) { return each.is_run; });
  MESSAGE(cases_.size() << " kernels compile and " << run << " equal the reference under emulation; "
                        << (nvrtc ? "NVRTC " + nvrtc->version() + " compiles them for sm_80 and sm_90"
                                  : "skipped: compiling for GPUs, for " + cuda::Nvrtc::missing()));
}

void CudaCorpus::check_unit(std::size_t begin, std::size_t end) const {
  std::vector<cuda::EmittedKernel> kernels;
  for (std::size_t i = begin; i < end; ++i) kernels.push_back(cases_[i].kernel);
  const Emulation emulation(kernels);
  for (std::size_t i = begin; i < end; ++i) {
    INFO(cases_[i].label << cases_[i].kernel.text);
    if (cases_[i].is_run) check_case(cases_[i], emulation);
  }
  if (const cuda::Nvrtc* nvrtc = cuda::Nvrtc::find())
    for (const char* arch : {"sm_80", "sm_90"}) CHECK(!nvrtc->compile(emulation.source(), "kernels", arch).empty());
}

}  // namespace weft::test
