// nn/parameter.hpp, nn/module.hpp, nn/layer.hpp
SHUNT_INSTANCE class nn::detail::Owned<SHUNT_T>;
SHUNT_INSTANCE class nn::Parameter<SHUNT_T>;
SHUNT_INSTANCE class nn::Buffer<SHUNT_T>;
SHUNT_INSTANCE class nn::Members<SHUNT_T>;
SHUNT_INSTANCE class nn::detail::PathWalk<SHUNT_T>;
SHUNT_INSTANCE class nn::Module<SHUNT_T>;
SHUNT_INSTANCE std::ostream& nn::operator<<(std::ostream&, const nn::Module<SHUNT_T>&);
SHUNT_INSTANCE class nn::Layer<SHUNT_T>;
SHUNT_INSTANCE class nn::AnyLayer<SHUNT_T>;
// nn/init.hpp
SHUNT_INSTANCE void nn::init::constant_(const Tensor<SHUNT_T>&, double);
SHUNT_INSTANCE void nn::init::zeros_(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE void nn::init::ones_(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE void nn::init::uniform_(const Tensor<SHUNT_T>&, double, double, Generator&);
SHUNT_INSTANCE void nn::init::normal_(const Tensor<SHUNT_T>&, double, double, Generator&);
SHUNT_INSTANCE void nn::init::kaiming_normal_(const Tensor<SHUNT_T>&, nn::init::KaimingOptions, Generator&);
SHUNT_INSTANCE void nn::init::kaiming_uniform_(const Tensor<SHUNT_T>&, nn::init::KaimingOptions, Generator&);
SHUNT_INSTANCE void nn::init::xavier_uniform_(const Tensor<SHUNT_T>&, double, Generator&);
SHUNT_INSTANCE void nn::init::xavier_normal_(const Tensor<SHUNT_T>&, double, Generator&);
SHUNT_INSTANCE void nn::init::trunc_normal_(const Tensor<SHUNT_T>&, double, double, double, double, Generator&);
SHUNT_INSTANCE void nn::init::orthogonal_(const Tensor<SHUNT_T>&, double, Generator&);
SHUNT_INSTANCE void nn::init::eye_(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE void nn::init::dirac_(const Tensor<SHUNT_T>&);
// The layers.
SHUNT_INSTANCE struct nn::Linear<SHUNT_T>;
SHUNT_INSTANCE struct nn::Conv1d<SHUNT_T>;
SHUNT_INSTANCE struct nn::Conv2d<SHUNT_T>;
SHUNT_INSTANCE struct nn::ConvTranspose2d<SHUNT_T>;
SHUNT_INSTANCE class nn::BatchNorm<SHUNT_T>;
SHUNT_INSTANCE class nn::BatchNorm1d<SHUNT_T>;
SHUNT_INSTANCE class nn::BatchNorm2d<SHUNT_T>;
SHUNT_INSTANCE class nn::LayerNorm<SHUNT_T>;
SHUNT_INSTANCE class nn::RMSNorm<SHUNT_T>;
SHUNT_INSTANCE class nn::GroupNorm<SHUNT_T>;
SHUNT_INSTANCE class nn::InstanceNorm2d<SHUNT_T>;
SHUNT_INSTANCE struct nn::ReLU<SHUNT_T>;
SHUNT_INSTANCE struct nn::LeakyReLU<SHUNT_T>;
SHUNT_INSTANCE struct nn::ELU<SHUNT_T>;
SHUNT_INSTANCE class nn::GELU<SHUNT_T>;
SHUNT_INSTANCE struct nn::SiLU<SHUNT_T>;
SHUNT_INSTANCE struct nn::Softplus<SHUNT_T>;
SHUNT_INSTANCE struct nn::Sigmoid<SHUNT_T>;
SHUNT_INSTANCE struct nn::Tanh<SHUNT_T>;
SHUNT_INSTANCE struct nn::Softmax<SHUNT_T>;
SHUNT_INSTANCE struct nn::LogSoftmax<SHUNT_T>;
SHUNT_INSTANCE struct nn::Identity<SHUNT_T>;
SHUNT_INSTANCE struct nn::MaxPool2d<SHUNT_T>;
SHUNT_INSTANCE struct nn::AvgPool2d<SHUNT_T>;
SHUNT_INSTANCE struct nn::AdaptiveAvgPool2d<SHUNT_T>;
SHUNT_INSTANCE struct nn::Upsample<SHUNT_T>;
SHUNT_INSTANCE struct nn::PixelShuffle<SHUNT_T>;
SHUNT_INSTANCE struct nn::Flatten<SHUNT_T>;
SHUNT_INSTANCE class nn::Dropout<SHUNT_T>;
SHUNT_INSTANCE class nn::DropPath<SHUNT_T>;
SHUNT_INSTANCE class nn::Embedding<SHUNT_T>;
SHUNT_INSTANCE class nn::MultiheadAttention<SHUNT_T>;
// What holds layers.
SHUNT_INSTANCE class nn::Sequential<SHUNT_T>;
SHUNT_INSTANCE class nn::ModuleList<SHUNT_T>;
SHUNT_INSTANCE class nn::ModuleDict<SHUNT_T>;
SHUNT_INSTANCE class nn::ResidualBlock<SHUNT_T>;
SHUNT_INSTANCE class nn::AttentionBranch<SHUNT_T>;
SHUNT_INSTANCE class nn::TransformerEncoderBlock<SHUNT_T>;
SHUNT_INSTANCE class nn::TransformerDecoderBlock<SHUNT_T>;
// A layer taken over or copied into an AnyLayer, and put behind others.
#define SHUNT_HELD(L)                                                    \
  SHUNT_INSTANCE nn::AnyLayer<SHUNT_T>::AnyLayer(nn::L<SHUNT_T>&&);      \
  SHUNT_INSTANCE nn::AnyLayer<SHUNT_T>::AnyLayer(const nn::L<SHUNT_T>&); \
  SHUNT_INSTANCE nn::AnyLayer<SHUNT_T>::AnyLayer(nn::L<SHUNT_T>&);       \
  SHUNT_INSTANCE nn::Sequential<SHUNT_T>& nn::Sequential<SHUNT_T>::add(nn::L<SHUNT_T>&&)
SHUNT_HELD(Linear);
SHUNT_HELD(Conv1d);
SHUNT_HELD(Conv2d);
SHUNT_HELD(ConvTranspose2d);
SHUNT_HELD(BatchNorm1d);
SHUNT_HELD(BatchNorm2d);
SHUNT_HELD(LayerNorm);
SHUNT_HELD(RMSNorm);
SHUNT_HELD(GroupNorm);
SHUNT_HELD(ReLU);
SHUNT_HELD(LeakyReLU);
SHUNT_HELD(GELU);
SHUNT_HELD(SiLU);
SHUNT_HELD(Sigmoid);
SHUNT_HELD(Tanh);
SHUNT_HELD(MaxPool2d);
SHUNT_HELD(AvgPool2d);
SHUNT_HELD(AdaptiveAvgPool2d);
SHUNT_HELD(Upsample);
SHUNT_HELD(Flatten);
SHUNT_HELD(Dropout);
SHUNT_HELD(Sequential);
SHUNT_HELD(ResidualBlock);
SHUNT_HELD(MultiheadAttention);
SHUNT_HELD(TransformerEncoderBlock);
#undef SHUNT_HELD
