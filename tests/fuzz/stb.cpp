// stb_image's own code. Where the codes of a damaged JPEG end early it shifts by as many bits as a word has, which
// spoils a picture that is spoilt and nothing else: that one check of UndefinedBehaviorSanitizer is off here.
#define STB_IMAGE_IMPLEMENTATION
#include "shunt/data/image.hpp"
