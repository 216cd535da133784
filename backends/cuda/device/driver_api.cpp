// Opens the libraries and reports what was found.
#include "backends/cuda/device/driver_api.h"

#include <functional>

#include "ir/error.h"

namespace weft::cuda {

namespace {

#define WEFT_TEXT_OF(name) #name
#define WEFT_TEXT(name) WEFT_TEXT_OF(name)  // the name that the headers map `name` to

// "13.0" from 13000 (CUDA's driver), or by other units.
std::string version_text(std::size_t version, std::size_t major, std::size_t minor) {
  return fmt::format("{}.{}", version / major, version % major / minor);
}

// The names of a library that is released with CUDA: the headers' version first, then the previous one.
std::vector<std::string> versioned(const std::string& name) {
  return {fmt::format("{}.so.{}", name, CUDA_VERSION / 1000), fmt::format("{}.so.12", name), name + ".so"};
}

// Looks functions up and remembers the first missing one.
class Finder {
 public:
  Finder(std::string what, const std::vector<std::string>& names, std::string advice)
      : library_(names), finding_{std::move(what), library_.is_open(), library_.reason(), std::move(advice)} {}

  template <typename Pointer>
  void find(Pointer& pointer, const char* name) {
    pointer = reinterpret_cast<Pointer>(library_.symbol(name));
    if (pointer || !finding_.found) return;
    finding_.found = false;
    finding_.text = fmt::format("{} lacks {}: it is older than the headers this was built with", library_.path(), name);
  }

  Finding found(const std::function<std::string()>& version) {
    if (finding_.found) finding_.text = fmt::format("{} ({})", version(), library_.path());
    return finding_;
  }

 private:
  DynamicLibrary library_;
  Finding finding_;
};

Apis opened() {
  Apis a;
#define WEFT_FIND(name) finder.find(a.name, WEFT_TEXT(name));
  {
    Finder finder("CUDA driver", {"libcuda.so.1"}, "install NVIDIA's driver; it comes with libcuda.so.1");
    WEFT_DRIVER(WEFT_FIND)
    a.driver = finder.found([&] {
      int version = 0;
      a.cuDriverGetVersion(&version);
      return "for CUDA " + version_text(std::size_t(version), 1000, 10);
    });
  }
  {
    Finder finder("cuBLASLt", versioned("libcublasLt"),
                  "install the CUDA toolkit, or put its libraries on LD_LIBRARY_PATH");
    WEFT_CUBLASLT(WEFT_FIND)
    a.cublaslt = finder.found([&] { return version_text(a.cublasLtGetVersion(), 10000, 100); });
  }
  {
    Finder finder("cuDNN", {"libcudnn.so.9"}, "install cuDNN 9, or put its libraries on LD_LIBRARY_PATH");
    WEFT_CUDNN(WEFT_FIND)
    a.cudnn = finder.found([&] { return version_text(a.cudnnGetVersion(), 10000, 100); });
  }
#undef WEFT_FIND
  return a;
}

[[noreturn]] void fail_of(const std::string& what, const char* library, const char* text) {
  fail("{}: {}: {}", what, library, text);
}

}  // namespace

const Apis& apis() {
  static const Apis instance = opened();
  return instance;
}

void must(CUresult result, const std::string& what) {
  if (result == CUDA_SUCCESS) return;
  const char* text = nullptr;
  apis().cuGetErrorString(result, &text);
  fail_of(what, "CUDA", text ? text : "an unnamed error");
}

void must(cublasStatus_t status, const std::string& what) {
  if (status != CUBLAS_STATUS_SUCCESS) fail_of(what, "cuBLASLt", apis().cublasLtGetStatusString(status));
}

void must(cudnnStatus_t status, const std::string& what) {
  if (status != CUDNN_STATUS_SUCCESS) fail_of(what, "cuDNN", apis().cudnnGetErrorString(status));
}

}  // namespace weft::cuda
