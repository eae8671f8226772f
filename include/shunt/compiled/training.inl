SHUNT_INSTANCE class optim::Optimizer<SHUNT_T, optim::SGDOptions>;
SHUNT_INSTANCE class optim::SGD<SHUNT_T>;
SHUNT_INSTANCE class optim::Optimizer<SHUNT_T, optim::AdamOptions>;
SHUNT_INSTANCE class optim::detail::AdamBase<SHUNT_T, optim::AdamOptions, false>;
SHUNT_INSTANCE class optim::Adam<SHUNT_T>;
SHUNT_INSTANCE class optim::Optimizer<SHUNT_T, optim::AdamWOptions>;
SHUNT_INSTANCE class optim::detail::AdamBase<SHUNT_T, optim::AdamWOptions, true>;
SHUNT_INSTANCE class optim::AdamW<SHUNT_T>;
SHUNT_INSTANCE class optim::Optimizer<SHUNT_T, optim::RMSpropOptions>;
SHUNT_INSTANCE class optim::RMSprop<SHUNT_T>;
SHUNT_INSTANCE class optim::EMA<SHUNT_T>;
SHUNT_INSTANCE double optim::clip_grad_norm_(const std::vector<Tensor<SHUNT_T>>&, double, double);
SHUNT_INSTANCE void optim::clip_grad_value_(const std::vector<Tensor<SHUNT_T>>&, double);
// models/
SHUNT_INSTANCE class models::ResNetCifar<SHUNT_T>;
