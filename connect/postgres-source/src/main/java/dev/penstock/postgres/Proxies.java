package dev.penstock.postgres;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/** Objects that stand before others of their interface and do some methods otherwise. */
final class Proxies {
    private Proxies() {}

    /** What a method does; the arguments may be null. */
    @FunctionalInterface
    interface Handler {
        Object call(Method method, Object[] arguments) throws Throwable;
    }

    /** One that throws what the other throws. */
    static <T> T of(Class<T> type, Handler handler) {
        return type.cast(
                Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (self, method, arguments) -> {
                    try {
                        return handler.call(method, arguments);
                    } catch (InvocationTargetException failed) {
                        throw failed.getCause();
                    }
                }));
    }
}
