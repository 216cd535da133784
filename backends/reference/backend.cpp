// The backend reference.
#include "backends/backend.h"

#include "backends/reference/program.h"

namespace weft::backend_rows {

Backend reference() {
  Backend row;
  row.name = "reference";
  row.by_default = Backend::Default::always;
  row.compile = [](ir::GraphPtr graph, const CompileOptions&, CompileReport&) {
    return weft::reference::make_program(std::move(graph));
  };
  return row;
}

}  // namespace weft::backend_rows
