package mrakruntime;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;

/** The method that a function's handler names: `package.Class::method`, or a class with one of AWS's interfaces. */
final class Handler {
    private final Object instance;
    private final Method method;
    private final Type[] types;

    private Handler(Object instance, Method method, Type[] types) {
        this.instance = instance;
        this.method = method;
        this.types = types;
    }

    static Handler find(String name) throws Exception {
        int colons = name.indexOf("::");
        Class<?> owner = Class.forName(colons < 0 ? name : name.substring(0, colons));
        String wanted = colons < 0 ? "handleRequest" : name.substring(colons + 2);
        boolean byInterface =
                RequestHandler.class.isAssignableFrom(owner) || RequestStreamHandler.class.isAssignableFrom(owner);
        if (colons < 0 && !byInterface) {
            throw new ClassCastException(
                    "Class " + owner.getName() + " does not implement an appropriate handler interface.");
        }
        Method method = choose(owner, wanted);
        if (method == null) {
            throw new NoSuchMethodException(
                    "No public method named " + wanted + " with appropriate method signature found on class "
                            + owner.getName());
        }
        method.setAccessible(true);
        Object instance =
                Modifier.isStatic(method.getModifiers()) ? null : owner.getDeclaredConstructor().newInstance();
        return new Handler(instance, method, typesOf(owner, method));
    }

    /** Of methods with the same name, the one that takes a context, then the one that takes more. */
    private static Method choose(Class<?> owner, String name) {
        Method best = null;
        for (Method method : owner.getMethods()) {
            if (method.getName().equals(name) && !method.isBridge() && (best == null || rank(method) > rank(best))) {
                best = method;
            }
        }
        return best;
    }

    private static int rank(Method method) {
        Class<?>[] types = method.getParameterTypes();
        boolean takesContext = types.length > 0 && types[types.length - 1] == Context.class;
        return types.length + (takesContext ? 10 : 0);
    }

    /** Parameter types, with the type variables of RequestHandler filled in from the class. */
    private static Type[] typesOf(Class<?> owner, Method method) {
        Type[] types = method.getGenericParameterTypes();
        if (types.length > 0 && types[0] instanceof TypeVariable) {
            for (Class<?> at = owner; at != null; at = at.getSuperclass()) {
                if (at.getGenericSuperclass() instanceof ParameterizedType) {
                    types[0] = ((ParameterizedType) at.getGenericSuperclass()).getActualTypeArguments()[0];
                    break;
                }
            }
        }
        return types;
    }

    byte[] handle(byte[] event, Context context) throws Exception {
        if (types.length >= 2 && types[0] == InputStream.class && types[1] == OutputStream.class) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            InputStream in = new ByteArrayInputStream(event);
            Object[] arguments = types.length > 2 ? new Object[] {in, out, context} : new Object[] {in, out};
            method.invoke(instance, arguments);
            return out.toByteArray();
        }
        Object[] arguments = new Object[types.length];
        for (int at = 0; at < types.length; at++) {
            boolean isContext = Binding.rawOf(types[at]) == Context.class;
            boolean isStream = types[at] == InputStream.class;
            Object stream = isStream ? new ByteArrayInputStream(event) : null;
            arguments[at] = isContext ? context : isStream ? stream : Binding.bind(Json.parse(event), types[at]);
        }
        return Json.print(Binding.unbind(method.invoke(instance, arguments)));
    }
}
