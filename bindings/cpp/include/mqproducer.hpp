/// @file
/// mqproducer for C++17 and later: owners and idiom over the C interface in mqproducer.h, which it includes.
///
/// Two forms of each call that can fail: one that throws mqproducer::Error, and one whose name begins with `try_` (or is
/// `create`, for constructors) that returns a mqproducer::Result. Without exceptions (`-fno-exceptions`) only the second
/// is there.
///
/// Text is UTF-8 in a std::string_view. Bodies are bytes: NUL bytes are data. Units of time are those of std::chrono.
///
/// A handle that was moved from may only be assigned to or destroyed; a call on it fails with Status::invalid_argument.

#ifndef MQPRODUCER_HPP
#define MQPRODUCER_HPP

#include "mqproducer/async_sender.hpp"
#include "mqproducer/attempt.hpp"
#include "mqproducer/batch.hpp"
#include "mqproducer/broker.hpp"
#include "mqproducer/completion_queue.hpp"
#include "mqproducer/config.hpp"
#include "mqproducer/coroutine.hpp"
#include "mqproducer/error.hpp"
#include "mqproducer/hook.hpp"
#include "mqproducer/log.hpp"
#include "mqproducer/message.hpp"
#include "mqproducer/mock.hpp"
#include "mqproducer/mock_script.hpp"
#include "mqproducer/producer.hpp"
#include "mqproducer/receipt.hpp"
#include "mqproducer/received.hpp"
#include "mqproducer/reliability.hpp"
#include "mqproducer/request.hpp"
#include "mqproducer/result.hpp"
#include "mqproducer/selector.hpp"
#include "mqproducer/statistics.hpp"
#include "mqproducer/transaction.hpp"
#include "mqproducer/transform.hpp"

#endif
