// NVRTC, the compiler of CUDA C++ as a library, opened at run time where it is installed. Needs no GPU.
#pragma once

#include <string>
#include <vector>

namespace weft::cuda {

class Nvrtc {
 public:
  // The library of this machine: on the loader's path, in $CUDA_HOME/lib64 or in /usr/local/cuda/lib64. Null where
  // there is none; `missing()` then says what was tried.
  static const Nvrtc* find();
  static const std::string& missing();

  // A cubin for the device: `arch` as "sm_90". Throws Error with NVRTC's log where the source does not compile.
  std::vector<char> compile(const std::string& source, const std::string& name, const std::string& arch) const;
  std::string version() const;  // "13.0"
  const std::string& path() const { return path_; }

 private:
  using Program = struct Opaque*;
  explicit Nvrtc(void* library, std::string path);
  std::string log(Program program) const;

  std::string path_;
  // As nvrtc.h declares them; 0 is success.
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
