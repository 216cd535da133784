// The classifier of pictures.
#pragma once

#include "frontend/model.h"

namespace weft::models {

Model classifier();

}  // namespace weft::models
