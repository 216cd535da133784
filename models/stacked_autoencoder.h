// The stacked autoencoder.
#pragma once

#include "frontend/model.h"

namespace weft::models {

Model stacked_autoencoder();

}  // namespace weft::models
