package mrakruntime;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** Between JSON and what handlers take and return: simple types, collections, and beans by their setters and getters.
 *  Names of properties are compared without regard to case, since events write eventSourceARN for eventSourceArn. */
final class Binding {
    private Binding() {}

    static Object bind(Object json, Type type) throws ReflectiveOperationException {
        Class<?> raw = rawOf(type);
        if (json == null) {
            return raw.isPrimitive() ? Array.get(Array.newInstance(raw, 1), 0) : null;
        }
        if (raw == Object.class) {
            return json;
        }
        if (raw == String.class || raw == CharSequence.class) {
            return json instanceof String ? json : new String(Json.print(json), StandardCharsets.UTF_8);
        }
        Object simple = bindSimple(json, raw);
        if (simple != null) {
            return simple;
        }
        if (Map.class.isAssignableFrom(raw) && json instanceof Map) {
            return bindMap((Map<?, ?>) json, raw, type);
        }
        if (json instanceof List) {
            return bindList((List<?>) json, raw, type);
        }
        return json instanceof Map ? bindBean((Map<?, ?>) json, raw) : bindByText(json, raw);
    }

    private static Object bindSimple(Object json, Class<?> raw) {
        if (raw == boolean.class || raw == Boolean.class) {
            return json instanceof Boolean ? json : Boolean.valueOf(json.toString());
        }
        if (raw == char.class || raw == Character.class) {
            return json.toString().charAt(0);
        }
        if (raw.isEnum()) {
            for (Object constant : raw.getEnumConstants()) {
                if (((Enum<?>) constant).name().equals(json.toString())) {
                    return constant;
                }
            }
            throw new IllegalArgumentException(json + " is none of the values of " + raw.getName());
        }
        if (raw == byte[].class && json instanceof String) {
            return Base64.getDecoder().decode((String) json);
        }
        if (raw == ByteBuffer.class) {
            return ByteBuffer.wrap(Base64.getDecoder().decode(json.toString()));
        }
        if (raw == Date.class && json instanceof Number) {
            return new Date(((Number) json).longValue());
        }
        return raw.isPrimitive() || Number.class.isAssignableFrom(raw) ? bindNumber(json, raw) : null;
    }

    private static Object bindNumber(Object json, Class<?> raw) {
        if (raw == Number.class && json instanceof Number) {
            return json;
        }
        BigDecimal number = new BigDecimal(json.toString());
        if (raw == int.class || raw == Integer.class) {
            return number.intValue();
        }
        if (raw == long.class || raw == Long.class) {
            return number.longValue();
        }
        if (raw == double.class || raw == Double.class) {
            return number.doubleValue();
        }
        if (raw == float.class || raw == Float.class) {
            return number.floatValue();
        }
        if (raw == short.class || raw == Short.class) {
            return number.shortValue();
        }
        if (raw == byte.class || raw == Byte.class) {
            return number.byteValue();
        }
        return raw == BigInteger.class ? number.toBigInteger() : number;
    }

    private static Object bindMap(Map<?, ?> json, Class<?> raw, Type type) throws ReflectiveOperationException {
        Map<Object, Object> map;
        if (raw.isInterface() || Modifier.isAbstract(raw.getModifiers())) {
            map = SortedMap.class.isAssignableFrom(raw) ? new TreeMap<>() : new LinkedHashMap<>();
        } else {
            @SuppressWarnings("unchecked")
            Map<Object, Object> made = (Map<Object, Object>) raw.getDeclaredConstructor().newInstance();
            map = made;
        }
        Type keys = argumentOf(type, 0);
        Type values = argumentOf(type, 1);
        for (Map.Entry<?, ?> entry : json.entrySet()) {
            map.put(bind(entry.getKey(), keys), bind(entry.getValue(), values));
        }
        return map;
    }

    private static Object bindList(List<?> json, Class<?> raw, Type type) throws ReflectiveOperationException {
        if (raw.isArray()) {
            Object array = Array.newInstance(raw.getComponentType(), json.size());
            for (int at = 0; at < json.size(); at++) {
                Array.set(array, at, bind(json.get(at), raw.getComponentType()));
            }
            return array;
        }
        Collection<Object> made;
        if (raw.isInterface() || Modifier.isAbstract(raw.getModifiers())) {
            made = raw.isAssignableFrom(ArrayList.class) ? new ArrayList<>() : new LinkedHashSet<>();
        } else {
            @SuppressWarnings("unchecked")
            Collection<Object> own = (Collection<Object>) raw.getDeclaredConstructor().newInstance();
            made = own;
        }
        Type items = argumentOf(type, 0);
        for (Object item : json) {
            made.add(bind(item, items));
        }
        return made;
    }

    private static Object bindBean(Map<?, ?> json, Class<?> raw) throws ReflectiveOperationException {
        Constructor<?> constructor = raw.getDeclaredConstructor();
        constructor.setAccessible(true);
        Object bean = constructor.newInstance();
        Map<String, Method> setters = new TreeMap<>();
        for (Method method : raw.getMethods()) {
            boolean sets = method.getName().startsWith("set") && method.getName().length() > 3;
            if (sets && method.getParameterCount() == 1 && !method.isBridge()) {
                setters.put(method.getName().substring(3).toLowerCase(Locale.ROOT), method);
            }
        }
        for (Map.Entry<?, ?> entry : json.entrySet()) {
            String name = entry.getKey().toString().toLowerCase(Locale.ROOT);
            Method setter = setters.get(name);
            if (setter != null) {
                setter.setAccessible(true);
                setter.invoke(bean, bind(entry.getValue(), setter.getGenericParameterTypes()[0]));
                continue;
            }
            for (Field field : raw.getFields()) {
                if (field.getName().toLowerCase(Locale.ROOT).equals(name) && !Modifier.isFinal(field.getModifiers())) {
                    field.set(bean, bind(entry.getValue(), field.getGenericType()));
                }
            }
        }
        return bean;
    }

    /** Times and alike: by a static `parse`, or a constructor that takes text. */
    private static Object bindByText(Object json, Class<?> raw) throws ReflectiveOperationException {
        for (Class<?> kind : new Class<?>[] {String.class, CharSequence.class}) {
            try {
                Method parse = raw.getMethod("parse", kind);
                if (Modifier.isStatic(parse.getModifiers())) {
                    return parse.invoke(null, json.toString());
                }
            } catch (NoSuchMethodException absent) {
                continue;
            }
        }
        return raw.getConstructor(String.class).newInstance(json.toString());
    }

    // --- results

    static Object unbind(Object value) throws ReflectiveOperationException {
        if (value == null || value instanceof String || value instanceof Number || value instanceof Boolean) {
            return value;
        }
        if (value instanceof Character || value instanceof Enum || value instanceof CharSequence) {
            return value.toString();
        }
        if (value instanceof Date) {
            return ((Date) value).getTime();
        }
        if (value instanceof byte[]) {
            return Base64.getEncoder().encodeToString((byte[]) value);
        }
        if (value instanceof ByteBuffer) {
            ByteBuffer copy = ((ByteBuffer) value).duplicate();
            byte[] bytes = new byte[copy.remaining()];
            copy.get(bytes);
            return Base64.getEncoder().encodeToString(bytes);
        }
        if (value instanceof Optional) {
            return unbind(((Optional<?>) value).orElse(null));
        }
        if (value instanceof Map) {
            Map<String, Object> map = new LinkedHashMap<>();
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                map.put(String.valueOf(entry.getKey()), unbind(entry.getValue()));
            }
            return map;
        }
        if (value instanceof Iterable) {
            List<Object> list = new ArrayList<>();
            for (Object item : (Iterable<?>) value) {
                list.add(unbind(item));
            }
            return list;
        }
        if (value.getClass().isArray()) {
            List<Object> list = new ArrayList<>();
            for (int at = 0; at < Array.getLength(value); at++) {
                list.add(unbind(Array.get(value, at)));
            }
            return list;
        }
        return value.getClass().getName().startsWith("java.") ? value.toString() : unbindBean(value);
    }

    private static Map<String, Object> unbindBean(Object bean) throws ReflectiveOperationException {
        Map<String, Object> shown = new TreeMap<>();
        for (Method method : bean.getClass().getMethods()) {
            String name = propertyOf(method);
            if (name != null) {
                method.setAccessible(true);
                shown.put(name, unbind(method.invoke(bean)));
            }
        }
        for (Field field : bean.getClass().getFields()) {
            if (!Modifier.isStatic(field.getModifiers())) {
                shown.putIfAbsent(field.getName(), unbind(field.get(bean)));
            }
        }
        return shown;
    }

    private static String propertyOf(Method method) {
        String name = method.getName();
        boolean plain = method.getParameterCount() == 0 && !Modifier.isStatic(method.getModifiers());
        if (!plain || method.getDeclaringClass() == Object.class) {
            return null;
        }
        Class<?> type = method.getReturnType();
        int start = name.startsWith("get") && type != void.class ? 3 : 0;
        if (name.startsWith("is") && (type == boolean.class || type == Boolean.class)) {
            start = 2;
        }
        if (start == 0 || name.length() <= start) {
            return null;
        }
        return name.substring(start, start + 1).toLowerCase(Locale.ROOT) + name.substring(start + 1);
    }

    // --- types

    static Class<?> rawOf(Type type) {
        if (type instanceof Class) {
            return (Class<?>) type;
        }
        if (type instanceof ParameterizedType) {
            return (Class<?>) ((ParameterizedType) type).getRawType();
        }
        if (type instanceof GenericArrayType) {
            Class<?> component = rawOf(((GenericArrayType) type).getGenericComponentType());
            return Array.newInstance(component, 0).getClass();
        }
        if (type instanceof WildcardType) {
            return rawOf(((WildcardType) type).getUpperBounds()[0]);
        }
        return type instanceof TypeVariable ? rawOf(((TypeVariable<?>) type).getBounds()[0]) : Object.class;
    }

    private static Type argumentOf(Type type, int number) {
        if (type instanceof ParameterizedType) {
            Type[] arguments = ((ParameterizedType) type).getActualTypeArguments();
            return number < arguments.length ? arguments[number] : Object.class;
        }
        return Object.class;
    }
}
