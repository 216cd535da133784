// SimCLR: learning by finding the other view of the same picture.
#pragma once

#include "frontend/model.h"

namespace weft::models {

Model simclr();

}  // namespace weft::models
