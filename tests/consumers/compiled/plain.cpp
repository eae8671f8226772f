// The unit with the plain headers.
#ifdef SHUNT_COMPILED
#error "this unit is to be compiled without shunt::compiled"
#endif
#include "work.hpp"

std::vector<float> train_plain();
std::vector<float> train_plain() { return train(); }

nn::AnyLayer<float> layer_of_plain();
nn::AnyLayer<float> layer_of_plain() { return nn::ResidualBlock(nn::Sequential(nn::Linear(16, 16), Gate())); }

void backward_in_plain(const Tensor<float>& loss);
void backward_in_plain(const Tensor<float>& loss) { loss.backward(); }
