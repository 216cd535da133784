// The table of backends: the rows of backends.def, which CMake writes for this build.
#include <algorithm>

#include "backends/backend.h"

namespace weft {

namespace backend_rows {

#define WEFT_BACKEND(name) Backend name();
#include "backends.def"
#undef WEFT_BACKEND

}  // namespace backend_rows

const std::vector<Backend>& backends() {
  static const std::vector<Backend> table = {
#define WEFT_BACKEND(name) backend_rows::name(),
#include "backends.def"
#undef WEFT_BACKEND
  };
  return table;
}

const Backend* find_backend(const std::string& name) {
  const auto found = std::ranges::find(backends(), name, &Backend::name);
  return found == backends().end() ? nullptr : &*found;
}

}  // namespace weft
