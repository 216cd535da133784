// NVRTC, the library form of the CUDA C++ compiler, opened at run time if installed. Needs no GPU.
#pragma once

#include <string>
#include <vector>

namespace weft::cuda {

class Nvrtc {
 public:
  // This machine's library: on the loader's path, in $CUDA_HOME/lib64 or in /usr/local/cuda/lib64. Null if there is
  // none; `missing()` then lists the places tried.
  static const Nvrtc* find();
  static const std::string& missing();

  // Compiles to a cubin for `arch`, such as "sm_90". Throws Error with NVRTC's log if the source does not compile.
  std::vector<char> compile(const std::string& source, const std::string& name, const std::string& arch) const;
  std::string version() const;  // "13.0"
  const std::string& path() const { return path_; }

 private:
  using Program = struct Opaque*;
  explicit Nvrtc(void* library, std::string path);
  std::string log(Program program) const;

  std::string path_;
  // As declared in nvrtc.h; 0 is success.
  int (*version_)(int* major, int* minor) = nullptr;
  int (*create_)(Program*, const char* source, const char* name, int headers, const char* const* sources,
                 const char* const* names) = nullptr;
  int (*destroy_)(Program*) = nullptr;
  int (*compile_)(Program, int count, const char* const* options) = nullptr;
  int (*log_size_)(Program, std::size_t*) = nullptr;
  int (*log_)(Program, char*) = nullptr;
  int (*cubin_size_)(Program, std::size_t*) = nullptr;
  int (*cubin_)(Program, char*) = nullptr;
  const char* (*error_)(int) = nullptr;
};

}  // namespace weft::cuda
