// Safetensors files as the C of a compiled model reads them: it takes no file that the C++ reader refuses.
#include <fixture.h>

#include "runtime/safetensors.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  const fuzz::MemoryFile input(fuzz::text_of(data, size));
  std::string refused;
  try {
    runtime::read_safetensors(input.path());
  } catch (const Error& error) {
    refused = error.what();
  }
  fixture* model = nullptr;
  const int code = fixture_create(&model, input.path().c_str());
  fuzz::need((code == WEFT_OK) == (model != nullptr), "a model without success, or success without a model");
  if (code == WEFT_OK) fuzz::need(refused.empty(), "C takes what C++ refuses", refused);
  if (code == WEFT_BAD_FILE) fuzz::need(!refused.empty(), "C refuses what C++ takes", fixture_error(nullptr));
  if (code != WEFT_OK) fuzz::check_message(fixture_error(nullptr));
  fixture_destroy(model);

  fuzz::need(fixture_create(&model, nullptr) == WEFT_OK, "no model to load into");
  if (fixture_load(model, input.path().c_str()) != WEFT_OK) fuzz::check_message(fixture_error(model));
  fixture_destroy(model);
  return 0;
}
