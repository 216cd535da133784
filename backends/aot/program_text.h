// The tables of one program as C.
#pragma once

#include <string>

#include "backends/aot/artefact.h"

namespace weft::aot {

// Definitions whose names begin with `prefix`: everything that the steps point to, PREFIXsteps, PREFIXinputs and
// PREFIXoutputs; on a GPU PREFIXsource and PREFIXcodes, for machine code in files FOLDER/PREFIXsm_90.
std::string program_text(const Artefact& artefact, const Program& program, const std::string& prefix,
                         const std::string& folder);

}  // namespace weft::aot
