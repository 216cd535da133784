// A shared library opened at run time, so that one binary serves machines with and without it.
#pragma once

#include <string>
#include <vector>

namespace weft::cuda {

class DynamicLibrary {
 public:
  // Opens the first of `names` that exists, on the loader's path or in a CUDA toolkit's folder ($CUDA_HOME,
  // $CUDNN_HOME, /usr/local/cuda). It stays open for the life of the process.
  explicit DynamicLibrary(const std::vector<std::string>& names);

  bool is_open() const { return handle_ != nullptr; }
  const std::string& path() const { return path_; }
  const std::string& reason() const { return reason_; }  // why it is not open
  void* symbol(const char* name) const;                  // nullptr if it lacks the symbol

 private:
  void* handle_ = nullptr;
  std::string path_, reason_;
};

}  // namespace weft::cuda
