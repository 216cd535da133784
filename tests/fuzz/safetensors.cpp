// Safetensors files: what is read is written and read again as it was.
#include "runtime/safetensors.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  const fuzz::MemoryFile input(fuzz::text_of(data, size));
  runtime::TensorFile file;
  if (!fuzz::accepts([&] { file = runtime::read_safetensors(input.path()); })) return 0;
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : file.tensors) bytes += tensor.bytes.size();
  fuzz::need(bytes < size, "more bytes were read than the file has");
  if (bytes > 1024) return 0;  // writing flushes to the disk: seldom is enough
  const std::filesystem::path copy = fuzz::memory_folder() / "copy.safetensors";
  runtime::write_safetensors(copy, file.tensors, file.metadata);
  const runtime::TensorFile again = runtime::read_safetensors(copy);
  fuzz::need(again.tensors == file.tensors && again.metadata == file.metadata, "a file that changes by a copy");
  return 0;
}
