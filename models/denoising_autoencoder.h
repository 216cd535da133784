// The denoising autoencoder.
#pragma once

#include "frontend/model.h"

namespace weft::models {

Model denoising_autoencoder();

}  // namespace weft::models
