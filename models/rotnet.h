// RotNet: learning by telling which way up a picture is.
#pragma once

#include "frontend/model.h"

namespace weft::models {

Model rotnet();

}  // namespace weft::models
