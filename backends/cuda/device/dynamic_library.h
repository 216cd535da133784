// A shared library that is opened as the program runs, so that one binary serves machines with and without it.
#pragma once

#include <string>
#include <vector>

namespace weft::cuda {

class DynamicLibrary {
 public:
  // The first of `names` that can be opened, where the system looks for libraries or in a CUDA toolkit's folder
  // ($CUDA_HOME, $CUDNN_HOME, /usr/local/cuda). It stays open as long as the process lives.
  explicit DynamicLibrary(const std::vector<std::string>& names);

  bool is_open() const { return handle_ != nullptr; }
  const std::string& path() const { return path_; }
  const std::string& reason() const { return reason_; }  // why it is not open
  void* symbol(const char* name) const;                  // nullptr where it lacks it

 private:
  void* handle_ = nullptr;
  std::string path_, reason_;
};

}  // namespace weft::cuda
