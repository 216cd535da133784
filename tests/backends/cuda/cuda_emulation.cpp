// The host's compiler, dlopen, and launches.
#include "tests/backends/cuda/cuda_emulation.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ir/error.h"
#include "tests/support/temp_folder.h"

namespace weft::test {

namespace {

std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

Emulation::Emulation(const std::vector<cuda::EmittedKernel>& kernels) : source_(cuda::translation_unit(kernels)) {
  const TempFolder folder;
  const std::string source = (folder / "kernels.cpp").string(), library = (folder / "kernels.so").string(),
                    errors = (folder / "errors").string();
  std::ofstream(source) << source_;
  const std::string command = fmt::format(
      "{} -std=c++20 -O1 -w -shared -fPIC -DWEFT_EMULATE -fno-strict-aliasing -fwrapv -ffp-contract=off -I {} {} -o {} "
      "2> "
      "{}",
      WEFT_CXX_COMPILER, WEFT_SOURCE_DIR, source, library, errors);
  if (std::system(command.c_str()) != 0)
    fail("the emulated kernels do not compile:\n{}\n{}", command, read_all(errors).substr(0, 4000));
  library_ = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library_) fail("the emulated kernels do not load: {}", dlerror());
  launch_ = reinterpret_cast<decltype(launch_)>(dlsym(library_, "weft_launch"));
}

Emulation::~Emulation() {
  if (library_) dlclose(library_);
}

bool Emulation::run(const cuda::EmittedKernel& kernel, const std::vector<void*>& buffers) const {
  constexpr std::size_t kGuard = 256;
  const std::size_t size = kernel.scratch_bytes + kGuard;
  std::vector<unsigned char> memory(size + 256, 0xff);
  void* scratch = memory.data() + (256 - reinterpret_cast<std::uintptr_t>(memory.data()) % 256);
  std::vector<const void*> pointers(buffers.begin(), buffers.end());
  pointers.push_back(scratch);
  std::vector<void*> arguments;
  for (const void*& each : pointers) arguments.push_back(&each);
  for (const cuda::Launch& launch : kernel.launches)
    launch_(launch.function.c_str(), launch.blocks, launch.threads, launch.shared_bytes, arguments.data());
  const unsigned char* end = static_cast<unsigned char*>(scratch) + kernel.scratch_bytes;
  return std::all_of(end, static_cast<const unsigned char*>(memory.data()) + memory.size(),
                     [](unsigned char each) { return each == 0xff; });
}

}  // namespace weft::test
