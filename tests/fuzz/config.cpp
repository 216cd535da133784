// config.json of a run: what is read is written and read again as it was.
#include "training/runs/config.h"

#include "runtime/atomic_file.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  const fuzz::MemoryFile input(fuzz::text_of(data, size));
  training::RunConfig config;
  if (!fuzz::accepts([&] { config = training::read_config(input.path()); })) return 0;
  const std::filesystem::path first = fuzz::memory_folder() / "config.json", second = fuzz::memory_folder() / "again";
  training::write_config(first, config);
  training::write_config(second, training::read_config(first));
  fuzz::need(runtime::read_file(first) == runtime::read_file(second), "a configuration changes by a copy",
             runtime::read_file(first));
  return 0;
}
