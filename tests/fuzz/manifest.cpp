// The manifest of a compiled model, NAME.json, as its C reads it.
#include <fixture.h>

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  const fuzz::MemoryFile input(fuzz::text_of(data, size));
  fixture* model = nullptr;
  const int code = fixture_create_from_manifest(&model, input.path().c_str());
  fuzz::need((code == WEFT_OK) == (model != nullptr), "a model without success, or success without a model");
  if (code != WEFT_OK) fuzz::check_message(fixture_error(nullptr));
  fixture_destroy(model);
  return 0;
}
