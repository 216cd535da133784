// The convolutional variational autoencoder.
#pragma once

#include "frontend/model.h"

namespace weft::models {

Model conv_vae();

}  // namespace weft::models
