// The convolutional autoencoder.
#pragma once

#include "frontend/model.h"

namespace weft::models {

Model conv_autoencoder();

}  // namespace weft::models
